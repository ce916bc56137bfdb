//! Request and response: a request to a service that answers on a subject, and its response in time.
//!
//! The responder is a NATS service (ADR-32): its members share the requests, service discovery lists the
//! subjects with the schemas of their requests and responses, and a refusal comes with the headers
//! `Nats-Service-Error` and `Nats-Service-Error-Code`.

mod answer;

use std::time::Duration;

use async_nats::{
    HeaderValue, Message, Request,
    client::{RequestError, RequestErrorKind},
};
use bytes::Bytes;
use tokio::time::timeout;

use crate::Bus;

pub use answer::{AnswerError, Refusal, Topic};

/// The header with the reason why a request was refused.
const REASON: &str = "Nats-Service-Error";

/// The header with the refusal's status code.
const CODE: &str = "Nats-Service-Error-Code";

/// The reason why a request has no response.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// There is no connection to the broker.
    #[error("the broker is away")]
    Away,
    /// There are no responders on this subject now.
    #[error("nobody answers on `{subject}`")]
    Nobody {
        /// The subject.
        subject: String,
    },
    /// The response did not come in time. The request may be answered all the same.
    #[error("no answer on `{subject}` within {} ms", within.as_millis())]
    Late {
        /// The subject.
        subject: String,
        /// The time limit.
        within: Duration,
    },
    /// The responder refused the request.
    #[error("refused ({}): {}", .0.code, .0.text)]
    Refused(Refusal),
    /// The request could not be sent.
    #[error("cannot send the question")]
    Send(#[source] RequestError),
}

impl Bus {
    /// Sends a request on `subject` and returns the response. Takes as long as `within` at most, the
    /// waiting for a connection included.
    ///
    /// Never sends it again by itself: whether asking twice does harm is known to the caller only. Cancel
    /// safe in so far as a dropped request may be answered or not.
    pub async fn ask(
        &self,
        subject: &str,
        body: impl Into<Bytes>,
        within: Duration,
    ) -> Result<Bytes, AskError> {
        let asking = async {
            self.wait_connected().await;
            let request = Request::new().payload(body.into()).timeout(None);
            self.client.send_request(subject.to_owned(), request).await
        };
        let subject = subject.to_owned();
        match timeout(within, asking).await {
            Ok(Ok(answer)) => match refusal(&answer) {
                None => Ok(answer.payload),
                Some(refusal) => Err(AskError::Refused(refusal)),
            },
            Ok(Err(error)) if error.kind() == RequestErrorKind::NoResponders => {
                Err(AskError::Nobody { subject })
            }
            Ok(Err(error)) => Err(AskError::Send(error)),
            Err(_) if !*self.connected.borrow() => Err(AskError::Away),
            Err(_) => Err(AskError::Late { subject, within }),
        }
    }
}

fn refusal(answer: &Message) -> Option<Refusal> {
    let header = |name| answer.headers.as_ref()?.get(name).map(HeaderValue::as_str);
    let (code, text) = (header(CODE), header(REASON));
    if code.is_none() && text.is_none() {
        return None;
    }
    Some(Refusal {
        code: code.and_then(|code| code.parse().ok()).unwrap_or(500),
        text: text.unwrap_or_default().to_owned(),
    })
}
