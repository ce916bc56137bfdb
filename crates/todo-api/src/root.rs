//! `GET /`: where to begin.

use axum::{
    http::{HeaderMap, header},
    response::{IntoResponse, Redirect, Response},
};
use serde::Serialize;
use service::http::Json;

use crate::accept;

/// Addresses of the API, for programs.
#[derive(Serialize)]
struct Ways {
    items: &'static str,
    openapi: &'static str,
    asyncapi: &'static str,
    docs: &'static str,
    problems: &'static str,
}

const WAYS: Ways = Ways {
    items: "/todo",
    openapi: "/openapi.json",
    asyncapi: "/asyncapi.yaml",
    docs: "/docs",
    problems: "/docs/problems",
};

/// Redirects browsers to the documentation, and answers programs with the addresses. A client that names HTML
/// in `Accept` counts as a browser.
pub(crate) async fn root(headers: HeaderMap) -> Response {
    let mut response = if accept::names(&headers, "text/html") {
        Redirect::to(WAYS.docs).into_response()
    } else {
        Json(WAYS).into_response()
    };
    let vary = header::HeaderValue::from_static("accept");
    response.headers_mut().insert(header::VARY, vary);
    response
}
