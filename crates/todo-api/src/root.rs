//! `GET /`: where to begin.

use axum::{
    Json,
    http::{HeaderMap, header},
    response::{IntoResponse, Redirect, Response},
};
use serde::Serialize;

/// Where things are, for a program.
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

/// Leads a person to the page to read, and tells a program where things are. A browser is who names HTML.
pub(crate) async fn root(headers: HeaderMap) -> Response {
    let mut lines = headers.get_all(header::ACCEPT).iter();
    let names_html = lines.any(|line| line.to_str().is_ok_and(|line| line.contains("text/html")));
    let mut response = if names_html {
        Redirect::to(WAYS.docs).into_response()
    } else {
        Json(WAYS).into_response()
    };
    let vary = header::HeaderValue::from_static("accept");
    response.headers_mut().insert(header::VARY, vary);
    response
}
