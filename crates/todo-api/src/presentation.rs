//! How every answer looks, whichever layer it comes from.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use service::{
    http::{Presentation, RequestId},
    problem,
};

use crate::body::PATCHES;

const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");

/// What is answered is data: nobody shall take it for a page, or keep it unless it says so. Every error
/// is a problem document.
pub(crate) struct Data {
    asks_for_options: bool,
}

impl Presentation for Data {
    fn of(request: &Request) -> Self {
        Self {
            asks_for_options: request.method() == Method::OPTIONS,
        }
    }

    fn present(self, mut response: Response, id: &RequestId) -> Response {
        if response.status() == StatusCode::METHOD_NOT_ALLOWED {
            let allowed = allow_options(response.headers_mut());
            if let Some(allowed) = allowed.filter(|_| self.asks_for_options) {
                return protect(options(allowed));
            }
        }
        protect(problem::documented(response, id))
    }
}

/// Adds to the methods that the router found for an address the one that every address has.
fn allow_options(headers: &mut HeaderMap) -> Option<HeaderValue> {
    let known = headers.get(header::ALLOW)?.to_str().ok()?;
    let allowed = HeaderValue::try_from(format!("{known},OPTIONS")).ok()?;
    headers.insert(header::ALLOW, allowed.clone());
    Some(allowed)
}

/// 204: what an address can do.
fn options(allowed: HeaderValue) -> Response {
    let patched = allowed.to_str().is_ok_and(|all| all.contains("PATCH"));
    let mut response = (StatusCode::NO_CONTENT, [(header::ALLOW, allowed)]).into_response();
    if patched {
        let kinds = HeaderValue::from_static(PATCHES);
        response.headers_mut().insert(ACCEPT_PATCH, kinds);
    }
    response
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
