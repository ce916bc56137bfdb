//! Publishing with confirmation: yes means that the stream has stored the event.

use std::time::Duration;

use async_nats::{HeaderMap, client::RequestErrorKind, header::HeaderName};
use bytes::Bytes;
use events::Envelope;
use serde::Deserialize;
use tokio::time::{sleep, timeout};

use crate::Bus;

/// How long a publisher waits for the stream, everything included. Callers on HTTP answer within
/// two seconds.
const LIMIT: Duration = Duration::from_millis(1500);

/// The pauses before asking again when nobody listens for the stream: it may be changing its
/// leader (ADR-22 of NATS, which asks for two tries 250 ms apart).
const NOBODY_THERE: [Duration; 2] = [Duration::from_millis(250); 2];

/// Where the stream stored an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its sequence.
    pub sequence: u64,
    /// Whether it was there already, and nothing was stored now.
    pub duplicate: bool,
}

/// Why an event is not known to be stored. In every case the same event, with the same id, may be
/// published again.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// There is no connection to the broker now; nothing was sent.
    #[error("the broker is away")]
    Away,
    /// The stream did not confirm in time. It may have stored the event all the same.
    #[error("the stream did not confirm in time")]
    Unconfirmed,
    /// No stream takes this subject.
    #[error("no stream takes `{subject}`")]
    NoStream {
        /// Which subject.
        subject: String,
    },
    /// The stream refused the event, for instance because it is full.
    #[error("the stream refused: {reason}")]
    Refused {
        /// What the stream said.
        reason: String,
    },
    /// The client could not send the event.
    #[error("cannot send")]
    Send(#[source] async_nats::RequestError),
}

/// The stream's answer to a publisher.
#[derive(Deserialize)]
struct Ack {
    #[serde(default)]
    seq: u64,
    #[serde(default)]
    duplicate: bool,
    error: Option<AckError>,
}

#[derive(Deserialize)]
struct AckError {
    #[serde(default)]
    description: String,
}

impl Bus {
    /// Publishes an event and waits, 1.5 seconds at most, until the stream has stored it.
    ///
    /// Fails at once while there is no connection: an event that waits in a buffer is one whose
    /// caller does not know how it stands.
    ///
    /// Cancel safe in so far as a dropped call may or may not have stored the event, as with
    /// [`PublishError::Unconfirmed`].
    pub async fn publish(&self, envelope: &Envelope) -> Result<Stored, PublishError> {
        let mut headers = HeaderMap::new();
        for (name, value) in &envelope.headers {
            headers.insert(HeaderName::from_static(name), value.as_str());
        }
        let body = Bytes::copy_from_slice(&envelope.body);
        self.store(envelope.subject, headers, body).await
    }

    /// Has whatever stream takes `subject` store a message.
    pub(crate) async fn store(
        &self,
        subject: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Stored, PublishError> {
        if !*self.connected.borrow() {
            return Err(PublishError::Away);
        }
        let stored = timeout(LIMIT, self.store_unbounded(subject, headers, body)).await;
        let stored = stored.unwrap_or(Err(PublishError::Unconfirmed));
        if stored.is_err() {
            metrics::counter!("bus_publish_failures_total").increment(1);
        }
        stored
    }

    async fn store_unbounded(
        &self,
        subject: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Stored, PublishError> {
        let mut pauses = NOBODY_THERE.iter();
        loop {
            let request = async_nats::Request::new()
                .headers(headers.clone())
                .payload(body.clone())
                .timeout(None);
            match self.client.send_request(subject.to_owned(), request).await {
                Ok(answer) => return read(&answer.payload),
                Err(error) if error.kind() == RequestErrorKind::NoResponders => {
                    let Some(pause) = pauses.next() else {
                        return Err(PublishError::NoStream {
                            subject: subject.to_owned(),
                        });
                    };
                    sleep(*pause).await;
                }
                Err(error) => return Err(PublishError::Send(error)),
            }
        }
    }
}

fn read(answer: &[u8]) -> Result<Stored, PublishError> {
    match serde_json::from_slice(answer) {
        Ok(Ack {
            error: None,
            seq,
            duplicate,
        }) if seq > 0 => Ok(Stored {
            sequence: seq,
            duplicate,
        }),
        Ok(Ack {
            error: Some(error), ..
        }) => Err(PublishError::Refused {
            reason: error.description,
        }),
        _ => Err(PublishError::Refused {
            reason: "an answer that is none of a stream".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::{PublishError, Stored, read};

    #[test]
    fn only_a_stream_that_names_a_sequence_has_stored_the_event() {
        let stored = read(br#"{"stream":"TODO","seq":7}"#).unwrap();
        assert_eq!(
            stored,
            Stored {
                sequence: 7,
                duplicate: false
            }
        );
        assert!(
            read(br#"{"stream":"TODO","seq":7,"duplicate":true}"#)
                .unwrap()
                .duplicate
        );
        assert!(matches!(read(b"{}"), Err(PublishError::Refused { .. })));
        assert!(matches!(read(b"hello"), Err(PublishError::Refused { .. })));
        let full = br#"{"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"},"stream":"TODO","seq":0}"#;
        let Err(PublishError::Refused { reason }) = read(full) else {
            panic!("stored")
        };
        assert_eq!(reason, "maximum bytes exceeded");
    }
}
