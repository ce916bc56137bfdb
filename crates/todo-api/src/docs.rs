//! `GET /docs`: a page to read what this API can do, and to try it. It shows the document, and loads nothing
//! from elsewhere.

use axum::{
    http::{HeaderMap, HeaderName, header},
    response::IntoResponse,
};
use service::problem::Problem;

use crate::{accept, openapi::refusals};

const PROBLEMS: &str = include_str!("../../../docs/problems.md");
const PAGE: &str = include_str!("docs/page.html");
const STYLE: &str = include_str!("docs/page.css");
const SCRIPT: &str = include_str!("docs/page.js");

/// The page runs its own script, and talks to this API alone.
const ONLY_OURS: (HeaderName, &str) = (
    header::CONTENT_SECURITY_POLICY,
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'",
);

/// Answers with the page.
#[utoipa::path(
    get,
    path = "/docs",
    operation_id = "docs",
    tag = "documents",
    summary = "A page to read this, and to try it",
    description = "",
    responses(
        (status = 200, description = "the page", content_type = "text/html; charset=utf-8", body = String),
        refusals::Documents,
    ),
)]
pub(crate) async fn page(headers: HeaderMap) -> Result<impl IntoResponse, Problem> {
    const HTML: &str = "text/html; charset=utf-8";
    accept::expect(&headers, "text/html")?;
    Ok(([ONLY_OURS, (header::CONTENT_TYPE, HTML)], PAGE))
}

/// Answers with the list of problems and what to do about each, as plain text.
pub(crate) async fn problems() -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8")],
        PROBLEMS,
    )
}

/// Answers with the stylesheet of the page.
pub(crate) async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE)
}

/// Answers with the script of the page.
pub(crate) async fn script() -> impl IntoResponse {
    const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
    ([(header::CONTENT_TYPE, JAVASCRIPT)], SCRIPT)
}
