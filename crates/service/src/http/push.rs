//! Server-sent events: responses that go on for as long as the client stays connected.

use std::{convert::Infallible, time::Duration};

use axum::{
    body::Body,
    http::{HeaderName, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::Stream;

/// Time without events after which a keep-alive is sent to the client and the proxies in between.
pub const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Time after which a client that was disconnected reconnects (milliseconds).
const RETRY_MS: u32 = 1_000;

/// Returns the first lines of an event stream: the reconnection time.
pub fn retry_hint() -> Bytes {
    format!("retry: {RETRY_MS}\n\n").into()
}

/// Returns a keep-alive comment.
pub fn keep_alive() -> Bytes {
    Bytes::from_static(b":\n\n")
}

/// Returns a keep-alive event, for a browser's script, which gets no comments and has no other way to find
/// that its connection is dead. `place` is the event id that the browser sends when it reconnects.
pub fn beat(place: Option<u64>) -> Bytes {
    let place = place.map_or_else(String::new, |place| format!("id: {place}\n"));
    format!("{place}event: beat\ndata: {{}}\n\n").into()
}

/// Makes the response with these events.
pub fn answer(events: impl Stream<Item = Result<Bytes, Infallible>> + Send + 'static) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        // A proxy that compresses or buffers would hold events back until there are enough bytes.
        (header::CACHE_CONTROL, "no-cache, no-transform"),
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (headers, Body::from_stream(events)).into_response()
}
