//! Answers that go on for as long as a caller listens: server-sent events.

use std::{convert::Infallible, time::Duration};

use axum::{
    body::Body,
    http::{HeaderName, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::Stream;

/// After how long without news the caller, and whatever is in between, hears that all is well.
pub const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// After how many milliseconds a caller that was cut off comes back.
const RETRY_MS: u32 = 1_000;

/// What a caller hears first.
pub fn greeting() -> Bytes {
    format!("retry: {RETRY_MS}\n\n").into()
}

/// What a caller hears when there is no news.
pub fn all_well() -> Bytes {
    Bytes::from_static(b":\n\n")
}

/// Says so by an event, for a browser's script, which hears of no comment and has no other way to find that
/// its connection is dead. It may say where the browser goes on when it comes back.
pub fn beat(place: Option<u64>) -> Bytes {
    let place = place.map_or_else(String::new, |place| format!("id: {place}\n"));
    format!("{place}event: beat\ndata: {{}}\n\n").into()
}

/// An answer of these events.
pub fn answer(events: impl Stream<Item = Result<Bytes, Infallible>> + Send + 'static) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        // What is packed on its way is held back until there is enough of it.
        (header::CACHE_CONTROL, "no-cache, no-transform"),
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (headers, Body::from_stream(events)).into_response()
}
