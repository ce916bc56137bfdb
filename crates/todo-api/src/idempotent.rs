//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a request that is sent again with its key is
//! answered as it was the first time.
//!
//! Responses are kept in the key-value [ledger](bus::LEDGER), by default for a day, so that it does not matter which
//! process gets the request, or whether one ended in between. The first request writes an entry that takes
//! the key until a given time; its response replaces that entry. Requests that come meanwhile get 409. If no
//! response follows, since the process has died, the key is free again after that time, for the same request.
//!
//! A caller may disconnect, noticed or not, and come back. So a request with a key is processed to its end
//! even if its caller is gone, and one that waits for the save records in the ledger that it was accepted
//! before it waits.
//!
//! The ledger only decides what is answered. That nothing is stored twice does not depend on it: event ids
//! are derived from the key ([`Key`](crate::key::Key)), so that publishing twice stores once.

mod note;
mod underway;

use std::{pin::Pin, sync::Arc};

use axum::{
    body::Body,
    extract::Request,
    handler::Handler,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::MethodRouter,
};
use bus::LedgerError;
use service::{http, problem::Problem};
use time::{Duration, OffsetDateTime};
use tokio_util::sync::CancellationToken;
use tracing::warn;
use utoipa_axum::router::UtoipaMethodRouter;
use uuid::Uuid;

use crate::{
    app::{App, RETRY_AFTER_S, not_accepted},
    key,
};
use note::{Answered, Fingerprint, Note};

pub(crate) use underway::{Underway, left};

/// Response header that marks a replayed response.
pub(crate) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Lease of a key: time for which a request holds it until something is known of its response (seconds).
const TAKEN_FOR_S: u32 = 5;

/// Longest lease of a key that is honoured (seconds): the longest that is given, and as much again for a
/// clock that is ahead. A longer one comes from a wrong clock, and could last for as long as that clock is
/// wrong.
const LONGEST_S: u32 = 30;

/// Attempts to take a key that other requests release at the same moment.
const TRIES: usize = 4;

/// Extension of a successful response of which a part could not be done now. Sending the request again does
/// that part, so the response must not stay under the key.
#[derive(Clone, Copy)]
pub(crate) struct Unfinished;

/// UUID namespace of keys in the ledger.
const KEYS: Uuid = Uuid::from_u128(0x0d5c_3a3e_7b1f_5c64_9e0f_c2a5_81d4_6f17);

/// Wraps a handler so that a request with a key is processed once and its response replayed from then on. A
/// request without a key goes straight to the handler.
pub(crate) fn once<H>(handler: H) -> Once<H> {
    up_to(http::BODY_LIMIT, handler)
}

/// Wraps a handler as [`once`] does, with its own limit of the body (bytes).
pub(crate) fn up_to<H>(limit: usize, handler: H) -> Once<H> {
    Once {
        handler,
        limit,
        taken_for_s: TAKEN_FOR_S,
    }
}

/// Pairs the OpenAPI declarations of some handlers with the routes that serve them, whose handlers wrap the
/// declared ones.
pub(crate) fn served<S>(
    (schemas, paths, _): UtoipaMethodRouter<S>,
    by: MethodRouter<S>,
) -> UtoipaMethodRouter<S> {
    (schemas, paths, by)
}

/// A handler whose responses are kept under their keys.
#[derive(Clone)]
pub(crate) struct Once<H> {
    handler: H,
    limit: usize,
    taken_for_s: u32,
}

impl<H> Once<H> {
    /// Lengthens the lease for a handler that may run for `seconds` before anything is known of its response,
    /// up to [`LONGEST_S`].
    pub(crate) fn busy(self, seconds: u32) -> Self {
        let taken_for_s = (TAKEN_FOR_S + seconds).min(LONGEST_S);
        Self {
            taken_for_s,
            ..self
        }
    }
}

type Answering = Pin<Box<dyn Future<Output = Response> + Send>>;

impl<H, T> Handler<T, Arc<App>> for Once<H>
where
    H: Handler<T, Arc<App>, Future = Answering>,
    T: 'static,
{
    type Future = Answering;

    fn call(self, request: Request, app: Arc<App>) -> Answering {
        match key::read(request.headers()) {
            Ok(Some(key)) => Box::pin(async move {
                let answer = self.answer(request, app, &key).await;
                answer.unwrap_or_else(IntoResponse::into_response)
            }),
            // The handler reports what is wrong with a key.
            Ok(None) | Err(_) => self.handler.call(request, app),
        }
    }
}

/// Decision on a request with a key.
enum Turn {
    /// It is the first, and holds the key with the entry of this revision.
    Taken(u64),
    /// It was answered before.
    Answered(Answered),
    /// The ledger is unavailable, though the broker is not. The request is processed as if it had not been
    /// sent before.
    Unknown,
}

impl<H> Once<H> {
    async fn answer<T: 'static>(
        self,
        request: Request,
        app: Arc<App>,
        key: &str,
    ) -> Result<Response, Problem>
    where
        H: Handler<T, Arc<App>, Future = Answering>,
    {
        let key = Uuid::new_v5(&KEYS, key.as_bytes());
        let (mut parts, body) = request.into_parts();
        let request = Request::from_parts(parts.clone(), body);
        let body = http::body_up_to(self.limit, request).await?;
        // The body is decompressed now, and the same however it was encoded.
        parts.headers.remove(header::CONTENT_ENCODING);
        let fingerprint = Fingerprint::of(&parts, &body);
        let request = Request::from_parts(parts, Body::from(body));
        // From here on something is published. A caller that disconnects drops this future, and not the
        // spawned task.
        let here = CancellationToken::new();
        let left = here.clone();
        let _until_it_leaves = here.drop_guard();
        let answering = tokio::spawn(self.begin(request, app, key, fingerprint, left));
        answering.await.unwrap_or_else(|error| {
            // The task is never aborted, so it has panicked, as it would have here.
            std::panic::resume_unwind(error.into_panic())
        })
    }

    async fn begin<T: 'static>(
        self,
        mut request: Request,
        app: Arc<App>,
        key: Uuid,
        fingerprint: Fingerprint,
        left: CancellationToken,
    ) -> Result<Response, Problem>
    where
        H: Handler<T, Arc<App>, Future = Answering>,
    {
        match app.take(key, fingerprint, self.taken_for_s).await? {
            Turn::Answered(answered) => Ok(replay(answered)),
            Turn::Unknown => Ok(self.handler.call(request, app).await),
            Turn::Taken(revision) => {
                let bus = app.bus().clone();
                let underway = Underway::new(bus, key, fingerprint, revision, left);
                request.extensions_mut().insert(underway.clone());
                let answer = self.handler.call(request, app).await;
                Ok(underway.settle(answer).await)
            }
        }
    }
}

impl App {
    /// Takes the key for a request, or decides what to do instead.
    async fn take(
        &self,
        key: Uuid,
        fingerprint: Fingerprint,
        taken_for_s: u32,
    ) -> Result<Turn, Problem> {
        let mut seen = 0;
        for _ in 0..TRIES {
            let taken = Note::taken(fingerprint, taken_for_s);
            match self.bus().put_entry(key, seen, taken.to_bytes()).await {
                Ok(revision) => return Ok(Turn::Taken(revision)),
                Err(LedgerError::Overtaken) => {}
                Err(error) => {
                    let bus = self.bus().clone();
                    tokio::spawn(underway::let_go(bus, key, taken, fingerprint));
                    return unknown(&error);
                }
            }
            let noted = match self.bus().get_entry(key).await {
                Ok(noted) => noted,
                Err(error) => return unknown(&error),
            };
            seen = noted.as_ref().map_or(0, |noted| noted.revision);
            let note = noted.and_then(|noted| Note::read(&noted.body));
            if let Some(note) = note {
                if note.is_of_another(fingerprint) {
                    return Err(used_for_another());
                }
                match note {
                    Note::Answered(answered) => return Ok(Turn::Answered(answered)),
                    Note::Taken { until, .. } if is_ahead(until) => return Err(in_flight()),
                    Note::Taken { .. } | Note::Free { .. } => {}
                }
            }
        }
        Err(in_flight())
    }
}

/// Returns whether a lease that ends at `until` still holds.
fn is_ahead(until: OffsetDateTime) -> bool {
    let left = until - OffsetDateTime::now_utc();
    left.is_positive() && left <= Duration::seconds(LONGEST_S.into())
}

fn replay(answered: Answered) -> Response {
    let mut response = Response::new(Body::from(answered.body));
    *response.status_mut() = StatusCode::from_u16(answered.status).unwrap_or(StatusCode::OK);
    let headers = response.headers_mut();
    for (name, value) in answered.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.append(name, value);
        }
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

/// Decides without the ledger: 503 if the broker is unavailable, since nothing could be accepted either;
/// otherwise the request is processed.
fn unknown(error: &LedgerError) -> Result<Turn, Problem> {
    warn!(
        error = error as &dyn std::error::Error,
        "the ledger of keys is away"
    );
    if error.is_away() {
        return Err(not_accepted());
    }
    Ok(Turn::Unknown)
}

/// 409: the same request is being answered now.
fn in_flight() -> Problem {
    Problem::new(StatusCode::CONFLICT, "request-in-flight")
        .after(RETRY_AFTER_S)
        .detail("a request with this `Idempotency-Key` is being answered now; send it again later")
}

/// 422: the key was used with another request.
fn used_for_another() -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused").detail(
        "this `Idempotency-Key` was sent with another request: another method, address or body; \
         send a key of its own with each",
    )
}
