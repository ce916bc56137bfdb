//! Reading a batch: a JSON array, or JSON objects line by line.

use std::sync::Arc;

use axum::{
    extract::{FromRequest, Request},
    http::{HeaderMap, StatusCode},
};
use service::{http, problem::Problem};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    accept,
    app::App,
    body::{Fields, is_json, media_type},
};

/// The most items of a batch.
const MOST: usize = 1_000;

/// The largest batch, in bytes: 1 000 of the longest items, in any script, with some room.
pub(crate) const BODY_LIMIT: usize = 2 * 1024 * 1024;

/// Batches processed at a time. Each takes some ten megabytes of memory at most, whatever it contains.
const AT_A_TIME: usize = 8;

const LINES: &str = "application/x-ndjson";

/// Permits for batches in progress. Clones share them.
#[derive(Clone)]
pub(crate) struct Places(Arc<Semaphore>);

/// Encoding of a batch: a JSON array, or JSON lines.
#[derive(Clone, Copy)]
pub(super) enum Form {
    Array,
    Lines,
}

/// Items to add, in their order, each as far as it could be read.
pub(crate) struct Batch {
    pub(super) form: Form,
    pub(super) items: Vec<Result<Fields, Problem>>,
    _place: OwnedSemaphorePermit,
}

impl Default for Places {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_A_TIME)))
    }
}

impl Form {
    fn of(headers: &HeaderMap) -> Option<Self> {
        if is_json(headers) {
            return Some(Self::Array);
        }
        let kind = media_type(headers);
        let names = [LINES, "application/ndjson", "application/jsonl"];
        let lines = names.iter().any(|name| kind.eq_ignore_ascii_case(name));
        lines.then_some(Self::Lines)
    }

    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::Array => "application/json",
            Self::Lines => LINES,
        }
    }

    fn read(self, body: &[u8]) -> Result<Vec<Result<Fields, Problem>>, Problem> {
        let items: Vec<_> = match self {
            Self::Array => Fields::read_each::<{ MOST + 1 }>(body)?,
            Self::Lines => {
                let lines = body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
                let lines = lines.filter(|line| !line.is_empty());
                lines.take(MOST + 1).map(Fields::read).collect()
            }
        };
        match items.len() {
            0 => Err(nothing()),
            1..=MOST => Ok(items),
            _ => Err(too_many()),
        }
    }
}

impl FromRequest<Arc<App>> for Batch {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        let form = Form::of(request.headers()).ok_or_else(other_media_type)?;
        accept::expect(request.headers(), form.media_type())?;
        let place = Arc::clone(&app.batches.0).try_acquire_owned();
        let place = place.map_err(|_| busy())?;
        let body = http::body_up_to(BODY_LIMIT, request).await?;
        Ok(Self {
            form,
            items: form.read(&body)?,
            _place: place,
        })
    }
}

fn other_media_type() -> Problem {
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type").detail(format!(
        "send a JSON array with `Content-Type: application/json`, or an object a line with \
         `Content-Type: {LINES}`"
    ))
}

fn busy() -> Problem {
    Problem::unavailable(
        1,
        "there are many batches now, and nothing of this was accepted; try again",
    )
}

fn nothing() -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-field")
        .detail("there must be at least one item")
}

fn too_many() -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-many-items").detail(format!(
        "a batch may have up to {MOST} items; nothing of this was accepted"
    ))
}
