//! Plain subscriptions to the messages that are published now, without a group: nothing is stored or
//! acknowledged.

use async_nats::{HeaderMap, Message, Subscriber, jetstream};
use bytes::Bytes;
use events::{EventId, header};
use futures_util::StreamExt;
use time::OffsetDateTime;
use tokio::time::timeout;

use crate::{Bus, PublishError, Stored};

/// Time limit of the broker's answer.
const SUBSCRIBE_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(2);

/// The reason why a subscription cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SubscribeError {
    /// The client refused the subject.
    #[error("cannot subscribe to `{subject}`")]
    Subject {
        /// The subject.
        subject: String,
        /// The client's error.
        #[source]
        source: async_nats::SubscribeError,
    },
    /// The service's name cannot be part of a reply subject.
    #[error("`{service}` cannot be part of a subject")]
    Name {
        /// The name.
        service: String,
    },
    /// The broker did not answer.
    #[error("the broker did not take the subscription to `{subject}`")]
    Unconfirmed {
        /// The subject.
        subject: String,
    },
}

/// A subscription to the messages that are published on a subject from now on.
pub struct Subscription {
    subscriber: Subscriber,
}

/// A message as it was published.
#[derive(Debug)]
pub struct ReceivedMessage {
    pub(crate) message: Message,
    stored_at: Option<OffsetDateTime>,
}

impl Bus {
    /// Subscribes to `subject`, which may have wildcards. Waits for a connection, and returns when the
    /// broker has taken the subscription: every message that is published from then on is received.
    pub async fn subscribe(&self, subject: &str) -> Result<Subscription, SubscribeError> {
        self.wait_connected().await;
        let failed = |source| SubscribeError::Subject {
            subject: subject.to_owned(),
            source,
        };
        let subscriber = self
            .client
            .subscribe(subject.to_owned())
            .await
            .map_err(failed)?;
        // The broker takes what a connection sends in order, so that receiving a message that was sent
        // after the subscription shows that it was taken.
        let echo = self.client.new_inbox();
        let mut answer = self.client.subscribe(echo.clone()).await.map_err(failed)?;
        let sent = self.client.publish(echo, Bytes::new()).await;
        if sent.is_err() || !matches!(timeout(SUBSCRIBE_TIMEOUT, answer.next()).await, Ok(Some(_)))
        {
            return Err(SubscribeError::Unconfirmed {
                subject: subject.to_owned(),
            });
        }
        Ok(Subscription { subscriber })
    }

    /// Publishes `body` on `subject` as it is, as any client of the broker would, and waits until the
    /// broker has it. Whether anybody subscribes to it, or a stream stores it, is not known.
    pub async fn send_raw(
        &self,
        subject: &str,
        body: impl Into<Bytes>,
    ) -> Result<(), PublishError> {
        self.wait_connected().await;
        let send = async {
            let sent = self.client.publish(subject.to_owned(), body.into()).await;
            sent.map_err(|error| PublishError::Refused {
                reason: error.to_string(),
            })?;
            self.client
                .flush()
                .await
                .map_err(|_| PublishError::Disconnected)
        };
        timeout(SUBSCRIBE_TIMEOUT, send)
            .await
            .unwrap_or(Err(PublishError::Unconfirmed))
    }

    /// Publishes `body` on `subject` as it is, and waits, 1.5 seconds at most, until a stream has stored
    /// it. As with [`Bus::publish`], doing it again with the same `id` never stores it twice.
    pub async fn publish_raw(
        &self,
        subject: &str,
        id: &EventId,
        body: impl Into<Bytes>,
    ) -> Result<Stored, PublishError> {
        let headers = || {
            let mut headers = HeaderMap::new();
            headers.insert(header::MESSAGE_ID, id.as_str());
            headers
        };
        self.store(subject.into(), headers, body.into()).await
    }
}

impl Subscription {
    /// Waits for the next message; `None` when the connection is closed.
    ///
    /// Cancel safe: nothing is lost if this is dropped.
    pub async fn next(&mut self) -> Option<ReceivedMessage> {
        self.subscriber.next().await.map(|message| ReceivedMessage {
            message,
            stored_at: None,
        })
    }
}

impl ReceivedMessage {
    /// Makes one of a message that a stream gave out.
    pub(crate) fn stored(message: Message, bus: &Bus) -> Self {
        let context = bus.jetstream.clone();
        let message = jetstream::Message { message, context };
        Self {
            stored_at: message.info().map(|info| info.published).ok(),
            message: message.message,
        }
    }

    /// Returns the time at which a stream stored it; `None` if it was received as it was published.
    pub fn stored_at(&self) -> Option<OffsetDateTime> {
        self.stored_at
    }

    /// Returns the subject that it was published on.
    pub fn subject(&self) -> &str {
        &self.message.subject
    }

    /// Its body.
    pub fn payload(&self) -> &[u8] {
        &self.message.payload
    }

    /// The header `name`, if it has one.
    pub fn header(&self, name: &str) -> Option<&str> {
        let headers: &HeaderMap = self.message.headers.as_ref()?;
        headers.get(name).map(async_nats::HeaderValue::as_str)
    }
}
