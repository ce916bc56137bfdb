//! Errors on HTTP: one document for all of them (RFC 9457).

use std::{borrow::Cow, error::Error, iter::successors};

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use tracing::{error, warn};

use crate::http::{RequestId, json_body};

/// A problem document, in words that tell the client what to change. Nothing internal is in it: the
/// cause goes to the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    kind: &'static str,
    detail: Option<String>,
    fields: Vec<Field>,
    retry_after_s: Option<u32>,
    header: Option<Box<(HeaderName, HeaderValue)>>,
    cause: Option<String>,
}

/// A part of the request that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Field {
    field: Cow<'static, str>,
    detail: String,
}

/// The document as it is sent.
#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "<[Field]>::is_empty")]
    errors: &'a [Field],
    #[serde(rename = "requestId", skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

impl Problem {
    /// Makes a problem of the `kind` that its `type` ends with: the same kind always has the same status.
    pub fn new(status: StatusCode, kind: &'static str) -> Self {
        Self {
            status,
            kind,
            detail: None,
            fields: Vec::new(),
            retry_after_s: None,
            header: None,
            cause: None,
        }
    }

    /// Makes a 404: there is nothing at this address.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found").detail(detail)
    }

    /// Makes a 422: a field of the request is wrong.
    pub fn invalid(field: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-field").field(field, detail)
    }

    /// Makes a 503: it cannot be done now; the client may try again after `seconds`.
    pub fn unavailable(seconds: u32, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable")
            .after(seconds)
            .detail(detail)
    }

    /// Sets the number of seconds after which the same request may succeed.
    #[must_use]
    pub fn after(self, seconds: u32) -> Self {
        Self {
            retry_after_s: Some(seconds),
            ..self
        }
    }

    /// Adds a response header.
    #[must_use]
    pub fn header(self, name: HeaderName, value: HeaderValue) -> Self {
        Self {
            header: Some(Box::new((name, value))),
            ..self
        }
    }

    /// Sets the text that says what to change.
    #[must_use]
    pub fn detail(self, detail: impl Into<String>) -> Self {
        Self {
            detail: Some(detail.into()),
            ..self
        }
    }

    /// Adds a field that is wrong, and what to change about it.
    #[must_use]
    pub fn field(mut self, field: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        self.fields.push(Field {
            field: field.into(),
            detail: detail.into(),
        });
        self
    }

    /// Keeps the cause, for [`Problem::report`]. The client does not get it.
    #[must_use]
    pub fn because(self, cause: &(dyn Error + 'static)) -> Self {
        let chain = successors(Some(cause), |error| <dyn Error>::source(*error));
        let chain: Vec<_> = chain.map(ToString::to_string).collect();
        Self {
            cause: Some(chain.join(": ")),
            ..self
        }
    }

    /// Logs the cause, if it is known, with the request id. A problem that only the client can solve has no
    /// cause, and is not logged.
    pub fn report(&self, request: &str) {
        let Some(cause) = &self.cause else {
            return;
        };
        let (status, kind) = (self.status.as_u16(), self.kind);
        if self.status == StatusCode::INTERNAL_SERVER_ERROR {
            error!(
                request.id = request,
                error = cause,
                "answering {status}, {kind}"
            );
        } else {
            warn!(
                request.id = request,
                error = cause,
                "answering {status}, {kind}"
            );
        }
    }

    /// Returns its HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns what to change, in one line: for clients that get no document.
    pub fn advice(&self) -> String {
        let title = self.status.canonical_reason().unwrap_or("Error");
        if self.fields.is_empty() {
            return self.detail.as_deref().unwrap_or(title).to_owned();
        }
        let fields = self.fields.iter();
        let fields = fields.map(|field| format!("{}: {}", field.field, field.detail));
        fields.collect::<Vec<_>>().join("; ")
    }

    /// Returns the document, as a part of a larger one that has the request id.
    pub fn to_value(&self) -> serde_json::Value {
        serde_json::to_value(self.document(None)).unwrap_or_default()
    }

    fn document<'a>(&'a self, request_id: Option<&'a str>) -> Document<'a> {
        Document {
            r#type: format!("/problems/{}", self.kind),
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: self.detail.as_deref(),
            errors: &self.fields,
            request_id,
        }
    }

    /// Returns the problem that a status stands for by itself.
    fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::not_found("there is nothing at this address"),
            StatusCode::METHOD_NOT_ALLOWED => Self::new(status, "method-not-allowed")
                .detail("the header `Allow` lists the methods that this address knows"),
            StatusCode::PAYLOAD_TOO_LARGE => Self::new(status, "body-too-large"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::new(status, "unsupported-media-type"),
            StatusCode::SERVICE_UNAVAILABLE => Self::unavailable(1, "try again"),
            status if status.is_server_error() => Self::new(status, "internal"),
            status => Self::new(status, "bad-request"),
        }
    }

    fn render(&self, response: &mut Response, id: &RequestId) {
        let body = json_body(&self.document(Some(id.as_str())));
        let headers = response.headers_mut();
        headers.remove(header::CONTENT_LENGTH);
        let kind = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, kind);
        if let Some((name, value)) = self.header.as_deref() {
            headers.insert(name, value.clone());
        }
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        *response.body_mut() = body.into();
    }
}

impl IntoResponse for Problem {
    /// Keeps the problem as an extension: [`documented`] writes the document, where the request id is known.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Turns an error response of any layer into a problem document, and logs its cause. Its headers (such as
/// `Allow`) stay.
#[must_use]
pub fn documented(mut response: Response, id: &RequestId) -> Response {
    let status = response.status();
    if status.is_client_error() || status.is_server_error() {
        let problem = response.extensions_mut().remove::<Problem>();
        let problem = problem.unwrap_or_else(|| Problem::of_status(status));
        problem.report(id.as_str());
        problem.render(&mut response, id);
    }
    response
}
