//! A form as it was sent.

use axum::{
    Form,
    body::HttpBody,
    extract::{FromRequest, Request},
    http::{StatusCode, header},
    response::IntoResponse,
};
use serde::de::DeserializeOwned;
use service::http;

use crate::refusal::Refusal;

/// The fields of a form. A request without a body and without a content type is an empty form, so that a
/// plain `POST` is enough where no field is needed.
pub(crate) struct Sent<T>(pub(crate) T);

impl<T, S> FromRequest<S> for Sent<T>
where
    T: DeserializeOwned + Default,
    S: Send + Sync,
{
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let untyped = !request.headers().contains_key(header::CONTENT_TYPE);
        if untyped && request.body().is_end_stream() {
            return Ok(Self(T::default()));
        }
        let (head, body) = request.into_parts();
        let body = http::body(Request::from_parts(head.clone(), body)).await;
        let body = body.map_err(|problem| Refusal::of(problem.status()))?;
        // What is no text would be read as another one.
        if !http::is_text(&body) {
            return Err(Refusal::of(StatusCode::BAD_REQUEST));
        }
        match Form::from_request(Request::from_parts(head, body.into()), state).await {
            Ok(Form(fields)) => Ok(Self(fields)),
            Err(rejection) => match rejection.into_response().status() {
                // A form whose fields come twice, for example.
                StatusCode::UNPROCESSABLE_ENTITY => Err(Refusal::of(StatusCode::BAD_REQUEST)),
                status => Err(Refusal::of(status)),
            },
        }
    }
}
