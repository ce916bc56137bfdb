//! Answers that go on for as long as a browser listens: server-sent events.

use std::{convert::Infallible, time::Duration};

use axum::{
    body::Body,
    http::{HeaderName, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::Stream;

/// After how long without news the browser, and whatever is in between, hears that all is well.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// After how many milliseconds a browser that was cut off comes back.
const RETRY_MS: u32 = 1_000;

/// What a browser hears first.
pub(crate) fn greeting() -> Bytes {
    format!("retry: {RETRY_MS}\n\n").into()
}

/// What a browser hears when there is no news.
pub(crate) fn all_well() -> Bytes {
    Bytes::from_static(b":\n\n")
}

/// An answer of these events.
pub(crate) fn answer(
    events: impl Stream<Item = Result<Bytes, Infallible>> + Send + 'static,
) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-cache"),
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (headers, Body::from_stream(events)).into_response()
}
