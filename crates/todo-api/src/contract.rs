//! `GET /asyncapi.yaml`: what the services say to each other over the broker.

use axum::{http::header, response::IntoResponse};

/// The document as it was when this was built.
const ASYNCAPI: &str = include_str!("../../../docs/asyncapi.yaml");

/// Answers with the document (RFC 9512).
pub(crate) async fn asyncapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/yaml")], ASYNCAPI)
}
