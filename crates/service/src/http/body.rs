//! Reading the bodies of requests.

use std::time::Duration;

use axum::{
    body::{Bytes, HttpBody},
    extract::{DefaultBodyLimit, FromRequest, Request},
    http::{StatusCode, header},
    response::IntoResponse,
};
use tokio::time::timeout;

use super::content_encoding::ContentEncoding;
use crate::problem::Problem;

/// The largest body that is read, in bytes; the longest item takes a tenth of it.
pub const BODY_LIMIT: usize = 16 * 1024;

/// Time within which a body must have arrived.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// The byte order mark that some editors and libraries put before a text in UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Reads the body of a request, which is a text: decompressed, and without a byte order mark.
///
/// Fails with 413 if it is larger than [`BODY_LIMIT`], compressed or not, with 408 if it has not arrived
/// after 10 seconds, with 400 if it breaks off or cannot be decompressed, and with 415 if its content coding
/// is neither gzip nor deflate.
pub async fn body(request: Request) -> Result<Bytes, Problem> {
    body_up_to(BODY_LIMIT, request).await
}

/// Like [`body`], but with a limit of `limit` bytes.
pub async fn body_up_to(limit: usize, mut request: Request) -> Result<Bytes, Problem> {
    let coding = ContentEncoding::of(request.headers())?;
    // Whoever waits to be told to send it on need not send it.
    let expects = request.headers().contains_key(header::EXPECT);
    if expects && request.body().size_hint().lower() > u64::try_from(limit).unwrap_or(u64::MAX) {
        return Err(too_large(limit));
    }
    DefaultBodyLimit::max(limit).apply(&mut request);
    let reading = timeout(BODY_TIMEOUT, Bytes::from_request(request, &()));
    let read = reading.await.map_err(|_| too_slow())?;
    let read = read.map_err(|rejection| match rejection.into_response().status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(limit),
        _ => broken("the body did not arrive whole"),
    });
    let body = coding.unpack(read?, limit)?;
    let text = strip_byte_order_mark(&body);
    Ok(body.slice_ref(text))
}

/// Removes the byte order mark that a text in UTF-8 may have (RFC 8259, section 8.1, allows readers to ignore
/// it).
pub fn strip_byte_order_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)
}

fn too_slow() -> Problem {
    Problem::new(StatusCode::REQUEST_TIMEOUT, "timeout")
        .detail("the body took too long to arrive; send it again")
}

pub(super) fn too_large(limit: usize) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large")
        .detail(format!("the body may have up to {limit} bytes"))
}

pub(super) fn broken(detail: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "bad-request").detail(detail)
}
