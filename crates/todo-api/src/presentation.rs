//! Format of every response, whichever layer it comes from.

use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue, header},
    response::Response,
};
use service::{
    http::{RequestId, ResponseFormat},
    problem,
};

/// Response format of the API: data that browsers must not render as a page, and that is not cached unless it
/// says so. Every error is a problem document.
pub(crate) struct Data;

impl ResponseFormat for Data {
    fn of(_: &Request) -> Self {
        Self
    }

    fn apply(self, response: Response, id: &RequestId) -> Response {
        protect(problem::documented(response, id))
    }
}

fn protect(mut response: Response) -> Response {
    const PROTECTIONS: [(HeaderName, &str); 3] = [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in PROTECTIONS {
        let value = HeaderValue::from_static(value);
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}
