//! `GET /asyncapi.yaml`: the messages that the services exchange over the broker.

use axum::{
    http::{HeaderMap, header},
    response::IntoResponse,
};
use service::problem::Problem;

use crate::{accept, openapi::refusals};

/// The document as it was when this was built.
const ASYNCAPI: &str = include_str!("../../../docs/asyncapi.yaml");

/// Answers with the document (RFC 9512).
#[utoipa::path(
    get,
    path = "/asyncapi.yaml",
    operation_id = "asyncapi",
    tag = "documents",
    summary = "What is said over the broker",
    description = "Every subject, who publishes and who listens there, and what is said.",
    responses(
        (status = 200, description = "AsyncAPI 3.0", content_type = "application/yaml", body = Object),
        refusals::Documents,
    ),
)]
pub(crate) async fn asyncapi(headers: HeaderMap) -> Result<impl IntoResponse, Problem> {
    const YAML: &str = "application/yaml";
    accept::expect(&headers, YAML)?;
    Ok(([(header::CONTENT_TYPE, YAML)], ASYNCAPI))
}
