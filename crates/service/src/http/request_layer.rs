//! The layer before the routes of a service.
//!
//! It is one layer and not one for each of its tasks: axum boxes every layer, its future and, for each
//! request, a copy of all layers below it, which for half a dozen of them costs more than accepting an event
//! does.

use std::{
    convert::Infallible,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};

use axum::{
    Router,
    extract::{MatchedPath, Request},
    response::{IntoResponse, Response},
    routing::Route,
};
use pin_project_lite::pin_project;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::{Layer, Service};

use crate::problem::Problem;

use super::{
    identity::{REQUEST_ID, RequestId},
    request_metrics::{RequestMetrics, label_of},
    span::RequestSpan,
    text, trace,
};

/// Number of requests that one process handles at a time. They wait for the broker and the database, so more
/// of them would only wait longer, and take memory.
const MAX_CONCURRENT_REQUESTS: usize = 1024;

/// The final form of a service's responses, no matter where they come from: a handler, an extractor, the
/// router or a limit.
pub trait ResponseFormat: Send + Sync + 'static {
    /// Keeps the parts of `request` that are needed for the response.
    fn of(request: &Request) -> Self;

    /// Gives the response to the request `id` its final form.
    fn apply(self, response: Response, id: &RequestId) -> Response;
}

/// Leaves responses as they are.
impl ResponseFormat for () {
    fn of(_: &Request) -> Self {}

    fn apply(self, response: Response, _: &RequestId) -> Response {
        response
    }
}

/// Gives each request of `routes` a request id, counts and times it, and has `P` finish the response.
///
/// A request that comes while too many are being handled is refused with a 503 at once, and one whose address
/// is not valid UTF-8 with a 400. Time after the response's head, such as that of an event stream, does not
/// count.
pub fn with_request_layer<P: ResponseFormat>(routes: Router) -> Router {
    with_request_layer_limited::<P>(MAX_CONCURRENT_REQUESTS, routes)
}

fn with_request_layer_limited<P: ResponseFormat>(at_a_time: usize, routes: Router) -> Router {
    routes.layer(RequestLayer::<P> {
        places: Some(Arc::new(Semaphore::new(at_a_time))),
        presentation: PhantomData,
    })
}

/// Gives each request of `routes` a request id, and counts and times it, without a limit of concurrent
/// requests.
pub fn observed(routes: Router) -> Router {
    routes.layer(RequestLayer::<()> {
        places: None,
        presentation: PhantomData,
    })
}

struct RequestLayer<P> {
    places: Option<Arc<Semaphore>>,
    presentation: PhantomData<fn() -> P>,
}

impl<P> Clone for RequestLayer<P> {
    fn clone(&self) -> Self {
        Self {
            places: self.places.clone(),
            presentation: PhantomData,
        }
    }
}

impl<P> Layer<Route> for RequestLayer<P> {
    type Service = RequestService<P>;

    fn layer(&self, route: Route) -> RequestService<P> {
        RequestService {
            route,
            front: self.clone(),
            record: RequestMetrics::default(),
        }
    }
}

impl<P> RequestLayer<P> {
    /// Checks the address, and returns a permit if the number of concurrent requests is limited.
    fn admit(&self, request: &Request) -> Result<Option<OwnedSemaphorePermit>, Problem> {
        text::check(request.uri())?;
        let place = self.places.as_ref();
        let place = place.map(|places| Arc::clone(places).try_acquire_owned());
        place
            .transpose()
            .map_err(|_| Problem::unavailable(1, "try again"))
    }
}

struct RequestService<P> {
    route: Route,
    front: RequestLayer<P>,
    record: RequestMetrics,
}

impl<P> Clone for RequestService<P> {
    fn clone(&self) -> Self {
        Self {
            route: self.route.clone(),
            front: self.front.clone(),
            record: self.record.clone(),
        }
    }
}

impl<P: ResponseFormat> Service<Request> for RequestService<P> {
    type Response = Response;
    type Error = Infallible;
    type Future = ResponseFuture<<Route as Service<Request>>::Future, P>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        <Route as Service<Request>>::poll_ready(&mut self.route, context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        trace::gather(request.headers_mut());
        let id = RequestId::of(request.headers());
        let method = label_of(request.method());
        let route = request.extensions().get::<MatchedPath>().cloned();
        let arrival = RequestContext {
            at: Instant::now(),
            method,
            span: RequestSpan::begin(&mut request, method, route.as_ref()),
            route,
            record: self.record.clone(),
            presentation: P::of(&request),
            id: id.clone(),
        };
        let place = self.front.admit(&request);
        request.extensions_mut().insert(id);
        let (route, refusal, place) = match place {
            Ok(place) => (Some(self.route.call(request)), None, place),
            Err(refusal) => (None, Some(refusal), None),
        };
        ResponseFuture {
            route,
            refusal,
            arrival: Some(arrival),
            place,
        }
    }
}

/// The state of a request that is kept until its response.
struct RequestContext<P> {
    at: Instant,
    method: &'static str,
    route: Option<MatchedPath>,
    record: RequestMetrics,
    presentation: P,
    id: RequestId,
    span: Option<Box<RequestSpan>>,
}

pin_project! {
    /// The future of a response. A request without a route is refused.
    struct ResponseFuture<F, P> {
        #[pin]
        route: Option<F>,
        refusal: Option<Problem>,
        arrival: Option<RequestContext<P>>,
        place: Option<OwnedSemaphorePermit>,
    }
}

impl<F, P> Future for ResponseFuture<F, P>
where
    F: Future<Output = Result<Response, Infallible>>,
    P: ResponseFormat,
{
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = if let Some(route) = this.route.as_pin_mut() {
            ready!(route.poll(context))?
        } else {
            let refusal = this.refusal.take();
            refusal.map(IntoResponse::into_response).unwrap_or_default()
        };
        drop(this.place.take());
        let arrival = this.arrival.take();
        let arrival = arrival.expect("no future is polled after it is ready");
        Poll::Ready(Ok(arrival.end(response)))
    }
}

impl<P: ResponseFormat> RequestContext<P> {
    fn end(self, response: Response) -> Response {
        let mut response = self.presentation.apply(response, &self.id);
        response.headers_mut().insert(REQUEST_ID, self.id.header());
        let (status, took) = (response.status(), self.at.elapsed());
        let route = self.route.as_ref();
        self.record.note(self.method, route, status, took);
        if let Some(span) = self.span {
            span.end(status);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::{Router, body::Body, extract::Request, http::StatusCode, routing::get};
    use tokio::sync::Notify;
    use tower::ServiceExt;

    use super::with_request_layer_limited;

    #[tokio::test]
    async fn a_request_too_many_is_refused_at_once_and_served_when_there_is_room() {
        let (entered, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let wait = {
            let (entered, go) = (Arc::clone(&entered), Arc::clone(&go));
            get(async move || {
                entered.notify_one();
                go.notified().await;
            })
        };
        let routes = with_request_layer_limited::<()>(1, Router::new().route("/", wait));
        let ask = || {
            let request = Request::new(Body::empty());
            let answer = routes.clone().oneshot(request);
            async { answer.await.unwrap().status() }
        };
        let first = tokio::spawn(ask());
        entered.notified().await;
        assert_eq!(ask().await, StatusCode::SERVICE_UNAVAILABLE);
        go.notify_one();
        assert_eq!(first.await.unwrap(), StatusCode::OK);
        go.notify_one();
        assert_eq!(ask().await, StatusCode::OK);
    }
}
