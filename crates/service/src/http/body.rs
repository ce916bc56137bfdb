//! Reading what a request brings along.

use std::time::Duration;

use axum::{
    body::Bytes,
    extract::{DefaultBodyLimit, FromRequest, Request},
    http::StatusCode,
    response::IntoResponse,
};
use tokio::time::timeout;

use crate::problem::Problem;

/// The largest body that is read, in bytes; the longest item takes a tenth of it.
pub const BODY_LIMIT: usize = 16 * 1024;

/// How long a body may take to arrive.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// The body of a request.
///
/// Fails with 413 if it is larger than [`BODY_LIMIT`], with 408 if it has not arrived after 10 seconds, and
/// with 400 if it breaks off.
pub async fn body(request: Request) -> Result<Bytes, Problem> {
    body_up_to(BODY_LIMIT, request).await
}

/// The same where more has to be taken: up to `limit` bytes.
pub async fn body_up_to(limit: usize, mut request: Request) -> Result<Bytes, Problem> {
    DefaultBodyLimit::max(limit).apply(&mut request);
    let reading = timeout(TIME_LIMIT, Bytes::from_request(request, &()));
    let read = reading.await.map_err(|_| too_slow())?;
    read.map_err(|rejection| match rejection.into_response().status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(limit),
        _ => broken(),
    })
}

fn too_slow() -> Problem {
    Problem::new(StatusCode::REQUEST_TIMEOUT, "timeout")
        .detail("the body took too long to arrive; send it again")
}

fn too_large(limit: usize) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large")
        .detail(format!("the body may have up to {limit} bytes"))
}

fn broken() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "bad-request").detail("the body did not arrive whole")
}
