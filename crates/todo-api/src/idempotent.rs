//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a request that is sent again with its key is
//! answered as it was the first time.
//!
//! What was answered stands in the [ledger](bus::LEDGER), for a day, so that it does not matter which
//! process has the request, or whether one ended in between. The first to come notes that the key is
//! taken, and until when; its answer replaces that. Whoever comes meanwhile hears 409. If no answer follows,
//! since the process has died, the key is free again when that time is over, for the same request.
//!
//! A caller may hang up, noticed or not, and come back. So a request with a key is answered to its end whether or
//! not anybody waits for that, and one that waits for the save has what was accepted noted before it waits.
//!
//! This only decides what is answered. That nothing comes twice does not depend on it: the ids of events
//! follow from the key ([`Key`](crate::key::Key)), so that publishing twice stores once.

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

/// Says that an answer was given before.
pub(crate) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// How long a request has the key to itself until something is known of its answer (seconds).
const TAKEN_FOR_S: u32 = 5;

/// The longest lease of a key that is believed (seconds): as long as the longest one that is given, and as much again
/// for a clock that is ahead. A longer one was given by a clock that is wrong, and would last as long as that is.
const LONGEST_S: u32 = 30;

/// How often it is tried to take a key that others let go of at the same moment.
const TRIES: usize = 4;

/// In the extensions of an answer that is a success, though a part of what was asked for could not be done now:
/// sending the request again does that part, so that the answer must not stay under the key.
#[derive(Clone, Copy)]
pub(crate) struct Unfinished;

/// Where keys live in the ledger.
const KEYS: Uuid = Uuid::from_u128(0x0d5c_3a3e_7b1f_5c64_9e0f_c2a5_81d4_6f17);

/// Answers a request with a key once, and from then on the same. One without a key goes straight to its handler.
pub(crate) fn once<H>(handler: H) -> Once<H> {
    up_to(http::BODY_LIMIT, handler)
}

/// The same where the body may be as large as that (bytes).
pub(crate) fn up_to<H>(limit: usize, handler: H) -> Once<H> {
    Once {
        handler,
        limit,
        taken_for_s: TAKEN_FOR_S,
    }
}

/// What is declared, answered `by` handlers that stand around those that declare it.
pub(crate) fn served<S>(
    (schemas, paths, _): UtoipaMethodRouter<S>,
    by: MethodRouter<S>,
) -> UtoipaMethodRouter<S> {
    (schemas, paths, by)
}

/// A handler whose answers are remembered.
#[derive(Clone)]
pub(crate) struct Once<H> {
    handler: H,
    limit: usize,
    taken_for_s: u32,
}

impl<H> Once<H> {
    /// The same of a handler that may be at work for so long (seconds) before anything is known of its answer.
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
            // What is wrong with a key, the handler says.
            Ok(None) | Err(_) => self.handler.call(request, app),
        }
    }
}

/// What is to be done with a request.
enum Turn {
    /// It is the first; what it took is this revision.
    Taken(u64),
    /// It was answered before.
    Answered(Answered),
    /// The ledger cannot be had, though the broker can. So it is done as if nobody had sent it before.
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
        // It is unpacked now, and the same however it came.
        parts.headers.remove(header::CONTENT_ENCODING);
        let fingerprint = Fingerprint::of(&parts, &body);
        let request = Request::from_parts(parts, Body::from(body));
        // From here on the broker is told something. A caller that hangs up drops this, and not what is told.
        let here = CancellationToken::new();
        let left = here.clone();
        let _until_it_leaves = here.drop_guard();
        let answering = tokio::spawn(self.begin(request, app, key, fingerprint, left));
        answering.await.unwrap_or_else(|error| {
            // Nobody aborts it, so it has panicked, as it would have here.
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
    /// Takes the key for a request, or finds out what to do instead.
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

/// Tells whether a lease lasts that ends then.
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

/// What to do without the ledger: nothing where the broker is away, since nothing could be accepted either.
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

/// 422: the key is that of another request.
fn used_for_another() -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused").detail(
        "this `Idempotency-Key` was sent with another request: another method, address or body; \
         send a key of its own with each",
    )
}
