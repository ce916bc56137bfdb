//! Publishing with acknowledgement: success means that the stream has stored the event.

use std::time::Duration;

use async_nats::{HeaderMap, StatusCode, Subject, client::RequestErrorKind};
use bytes::Bytes;
use events::Envelope;
use futures_util::StreamExt;
use serde::Deserialize;
use tokio::time::{error::Elapsed, sleep, timeout};

use crate::{
    Bus,
    discovery::{Busy, Endpoint},
    headers::headers,
    spans,
};

/// Time limit of storing an event, everything included. Callers on HTTP answer within two seconds.
const CONFIRMATION_TIMEOUT: Duration = Duration::from_millis(1500);

/// The pauses before the next attempt when there are no responders for the stream: it may be changing its
/// leader (ADR-22 of NATS, which asks for two tries 250 ms apart).
const NO_RESPONDERS_RETRIES: [Duration; 2] = [Duration::from_millis(250); 2];

/// The stream's error when the last sequence is another than the publisher expects.
const WRONG_LAST_SEQUENCE: u64 = 10071;

/// The stream's acknowledgement of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its sequence.
    pub sequence: u64,
    /// Set if the event was there already, and nothing was stored now.
    pub duplicate: bool,
}

/// The reason why an event is not known to be stored. In every case the same event, with the same id, may
/// be published again.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// There is no connection to the broker now; nothing was sent.
    #[error("the broker is away")]
    Disconnected,
    /// The stream has too little capacity for more; nothing was sent.
    #[error("the stream is full")]
    Full,
    /// The stream did not confirm in time. It may have stored the event all the same.
    #[error("the stream did not confirm in time")]
    Unconfirmed,
    /// No stream takes this subject.
    #[error("no stream takes `{subject}`")]
    NoStream {
        /// The subject.
        subject: String,
    },
    /// The stream refused the event, for instance because it is full.
    #[error("the stream refused: {reason}")]
    Refused {
        /// The stream's error.
        reason: String,
    },
    /// Something else was stored since the revision that the publisher expects; nothing was stored now.
    #[error("something else was stored before")]
    RevisionConflict,
    /// The client could not send the event.
    #[error("cannot send")]
    Send(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The message by which a stream acknowledges a publish.
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
    err_code: u64,
    #[serde(default)]
    description: String,
}

/// Events that are being published, for the statistics.
struct Publishing<'b> {
    endpoint: &'b Endpoint,
    events: usize,
    _busy: Busy<'b>,
}

impl Bus {
    /// Publishes an event and waits, 1.5 seconds at most, until the stream has stored it.
    ///
    /// Fails at once while there is no connection: if the event waited in a buffer, its caller would not
    /// know whether it will be stored.
    ///
    /// Cancel safe in so far as a dropped call may or may not have stored the event, as with
    /// [`PublishError::Unconfirmed`].
    pub async fn publish(&self, envelope: &Envelope) -> Result<Stored, PublishError> {
        let Some(spans) = &self.spans else {
            return self.publish_untraced(envelope).await;
        };
        // In a box, so that the future is not larger where nothing is traced.
        Box::pin(async {
            let (span, envelope) = spans.publish(envelope);
            let stored = self.publish_untraced(&envelope).await;
            spans::end([span], &stored);
            stored
        })
        .await
    }

    async fn publish_untraced(&self, envelope: &Envelope) -> Result<Stored, PublishError> {
        let publishing = self.publishing(1);
        let stored = if self.crowded.get() {
            Err(PublishError::Full)
        } else {
            let body = Bytes::copy_from_slice(&envelope.body);
            let subject = Subject::from_static(envelope.subject);
            self.store(subject, || headers(envelope), body).await
        };
        publishing.end(stored)
    }

    /// Publishes several events and waits, 1.5 seconds at most, until the stream has stored them all.
    ///
    /// Promises as much as [`Bus::publish`] of each, at a fraction of its price where they are many: one
    /// subscription takes all acknowledgements, and one deadline holds for all. Any of them may have been
    /// stored when this fails, so all are to be published again then, with the same ids.
    pub async fn publish_all(&self, envelopes: &[Envelope]) -> Result<(), PublishError> {
        let Some(spans) = &self.spans else {
            return self.publish_all_untraced(envelopes).await;
        };
        let told = envelopes.iter().map(|envelope| spans.publish(envelope));
        let (told, envelopes): (Vec<_>, Vec<_>) = told.unzip();
        let stored = self.publish_all_untraced(&envelopes).await;
        spans::end(told, &stored);
        stored
    }

    async fn publish_all_untraced(&self, envelopes: &[Envelope]) -> Result<(), PublishError> {
        match envelopes {
            [] => Ok(()),
            [one] => self.publish_untraced(one).await.map(drop),
            several => {
                let publishing = self.publishing(several.len());
                let stored = if self.crowded.get() {
                    Err(PublishError::Full)
                } else {
                    self.store_all(several).await
                };
                publishing.end(stored)
            }
        }
    }

    /// Counts events as being published, for service discovery.
    fn publishing(&self, events: usize) -> Publishing<'_> {
        let endpoint = self.presence.published();
        Publishing {
            endpoint,
            events,
            _busy: endpoint.begin(events),
        }
    }

    /// Stores a message in the stream that takes `subject`.
    pub(crate) async fn store(
        &self,
        subject: Subject,
        headers: impl Fn() -> HeaderMap,
        body: Bytes,
    ) -> Result<Stored, PublishError> {
        self.reachable()?;
        let storing = timeout(CONFIRMATION_TIMEOUT, self.confirmed(subject, headers, body));
        counted(storing.await)
    }

    async fn store_all(&self, envelopes: &[Envelope]) -> Result<(), PublishError> {
        self.reachable()?;
        counted(timeout(CONFIRMATION_TIMEOUT, self.all_confirmed(envelopes)).await)
    }

    fn reachable(&self) -> Result<(), PublishError> {
        let connected = *self.connected.borrow();
        connected.then_some(()).ok_or(PublishError::Disconnected)
    }

    async fn confirmed(
        &self,
        subject: Subject,
        headers: impl Fn() -> HeaderMap,
        body: Bytes,
    ) -> Result<Stored, PublishError> {
        let mut pauses = NO_RESPONDERS_RETRIES.iter();
        loop {
            let request = async_nats::Request::new()
                .headers(headers())
                .payload(body.clone())
                .timeout(None);
            match self.client.send_request(subject.clone(), request).await {
                Ok(answer) => return read(&answer.payload),
                Err(error) if error.kind() == RequestErrorKind::NoResponders => {
                    let Some(pause) = pauses.next() else {
                        return Err(PublishError::NoStream {
                            subject: subject.to_string(),
                        });
                    };
                    sleep(*pause).await;
                }
                Err(error) => return Err(PublishError::Send(error.into())),
            }
        }
    }

    async fn all_confirmed(&self, envelopes: &[Envelope]) -> Result<(), PublishError> {
        let inbox: Subject = self.client.new_inbox().into();
        let mut answers = self
            .client
            .subscribe(inbox.clone())
            .await
            .map_err(|error| PublishError::Send(error.into()))?;
        for envelope in envelopes {
            let sent = self.client.publish_with_reply_and_headers(
                Subject::from_static(envelope.subject),
                inbox.clone(),
                headers(envelope),
                Bytes::copy_from_slice(&envelope.body),
            );
            sent.await
                .map_err(|error| PublishError::Send(error.into()))?;
        }
        for envelope in envelopes {
            let answer = answers.next().await.ok_or(PublishError::Disconnected)?;
            if answer.status == Some(StatusCode::NO_RESPONDERS) {
                return Err(PublishError::NoStream {
                    subject: envelope.subject.to_owned(),
                });
            }
            read(&answer.payload)?;
        }
        Ok(())
    }
}

impl Publishing<'_> {
    fn end<T>(self, stored: Result<T, PublishError>) -> Result<T, PublishError> {
        match &stored {
            Ok(_) => self.endpoint.handled(self.events),
            Err(error) => self.endpoint.failed(&error.to_string()),
        }
        stored
    }
}

/// Returns the result of storing within the time limit, and counts failures.
fn counted<T>(stored: Result<Result<T, PublishError>, Elapsed>) -> Result<T, PublishError> {
    let stored = stored.unwrap_or(Err(PublishError::Unconfirmed));
    if stored.is_err() {
        metrics::counter!("bus_publish_failures_total").increment(1);
    }
    stored
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
        }) if error.err_code == WRONG_LAST_SEQUENCE => Err(PublishError::RevisionConflict),
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
