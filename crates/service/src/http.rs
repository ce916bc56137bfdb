//! What every HTTP request goes through: it gets an identity, is counted and is timed.

use std::{sync::Arc, time::Instant};

use axum::{
    Router,
    extract::{MatchedPath, Request},
    http::{HeaderName, HeaderValue, Method, StatusCode},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use tokio::sync::Semaphore;
use uuid::Uuid;

/// The header that carries a request's identity, in and out.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A request's identity: the caller's, if it sent a sensible one, or a new one. It is in the
/// answer, in problem documents and in the events that the request brings about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(String);

impl RequestId {
    /// The longest identity (in bytes) that is taken over from a caller.
    const LIMIT: usize = 64;

    fn of(request: &Request) -> Self {
        let given = request
            .headers()
            .get(REQUEST_ID)
            .and_then(|value| value.to_str().ok());
        let sensible = |id: &&str| {
            let plain =
                |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
            (1..=Self::LIMIT).contains(&id.len()) && id.bytes().all(plain)
        };
        match given.filter(sensible) {
            Some(id) => Self(id.to_owned()),
            None => Self(Uuid::now_v7().to_string()),
        }
    }

    /// The identity as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How many requests one process answers at a time. What is slow is what they wait for, so more of
/// them would only wait longer, and take memory.
const AT_A_TIME: usize = 1024;

/// Answers what comes while too many requests of `routes` are being answered with a bare 503 at once.
/// What is sent after the answer's head, such as a stream of events, does not count.
pub fn bounded(routes: Router) -> Router {
    bounded_by(AT_A_TIME, routes)
}

fn bounded_by(at_a_time: usize, routes: Router) -> Router {
    let places = Arc::new(Semaphore::new(at_a_time));
    routes.layer(middleware::from_fn(move |request: Request, next: Next| {
        let place = Arc::clone(&places).try_acquire_owned();
        async move {
            match place {
                Ok(_place) => next.run(request).await,
                Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            }
        }
    }))
}

/// Gives each request of `routes` an identity, and counts and times it.
pub fn observed(routes: Router) -> Router {
    routes.layer(middleware::from_fn(observe))
}

async fn observe(mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = RequestId::of(&request);
    let header = HeaderValue::from_str(&id.0);
    let method = label_of(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    request.extensions_mut().insert(id);
    let mut response = next.run(request).await;
    if let Ok(header) = header {
        response.headers_mut().insert(REQUEST_ID, header);
    }
    record(
        method,
        route.as_ref().map_or("none", MatchedPath::as_str),
        &response,
        started,
    );
    response
}

fn record(method: &'static str, route: &str, response: &Response, started: Instant) {
    let route = route.to_owned();
    let status = response.status().as_u16().to_string();
    metrics::counter!("http_requests_total", "method" => method, "route" => route.clone(), "status" => status)
        .increment(1);
    metrics::histogram!("http_request_duration_seconds", "method" => method, "route" => route)
        .record(started.elapsed());
}

/// A method is a caller's text, and a metric's label must come from a small set.
fn label_of(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::{Router, body::Body, extract::Request, http::StatusCode, routing::get};
    use tokio::sync::Notify;
    use tower::ServiceExt;

    use super::bounded_by;

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
        let routes = bounded_by(1, Router::new().route("/", wait));
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
