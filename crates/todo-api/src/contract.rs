//! `GET /asyncapi.yaml`: what the services say to each other over the broker.

use axum::{
    http::{HeaderMap, header},
    response::IntoResponse,
};
use service::problem::Problem;

use crate::accept;

/// The document as it was when this was built.
const ASYNCAPI: &str = include_str!("../../../docs/asyncapi.yaml");

/// Answers with the document (RFC 9512).
pub(crate) async fn asyncapi(headers: HeaderMap) -> Result<impl IntoResponse, Problem> {
    const YAML: &str = "application/yaml";
    accept::expect(&headers, YAML)?;
    Ok(([(header::CONTENT_TYPE, YAML)], ASYNCAPI))
}
