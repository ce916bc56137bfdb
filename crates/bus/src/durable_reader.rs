//! A durable reader: it reads what the stream of events stores on a subject, leaves, and goes on later
//! where it was.
//!
//! It is for people who look on, and for demonstrations. Unlike a group it holds nothing up: handled
//! events are removed without regard to it, nobody counts its pending messages, there are no dead
//! letters, and the broker deletes its consumer when nobody has read for a day.

use std::{error::Error, time::Duration};

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, ReplayPolicy, pull};
use futures_util::StreamExt;
use tokio::time::{sleep, timeout};
use tracing::warn;

use crate::{
    Bus, History, ReceivedMessage, TODO, ack,
    consumer::{create_consumer, is_config_mismatch},
    pull::{Pull, PullEvent},
    subject::overlap,
};

/// Time without a reader after which the broker deletes the consumer of a bookmark.
pub(crate) const INACTIVE_THRESHOLD: Duration = Duration::from_hours(24);

/// Prefix of the names of these consumers, so that none of them is a group's.
const PREFIX: &str = "bookmark-";

/// Ack wait: time that a reader may take over one message before another with the same bookmark gets it.
const INACTIVITY_TIMEOUT: Duration = Duration::from_secs(10);

/// Time limit of one attempt to create or find the consumer.
const OPEN_TIMEOUT: Duration = Duration::from_secs(2);

/// The pause between two attempts.
const RETRY_INTERVAL: Duration = Duration::from_millis(250);

/// A durable consumer of the stream. Readers with the same bookmark share the messages.
pub struct DurableReader {
    bus: Bus,
    name: String,
    subject: String,
    pull: Option<Pull>,
}

/// The reason why a bookmark cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DurableReaderError {
    /// The name cannot be part of a subject.
    #[error("a bookmark's name has 1 to 32 letters, digits, `-` or `_`, unlike `{name}`")]
    Name {
        /// The name.
        name: String,
    },
    /// The broker does not keep the consumer as asked.
    #[error("the broker does not keep the bookmark `{name}` for `{subject}`: {reason}")]
    Refused {
        /// The name.
        name: String,
        /// The subject.
        subject: String,
        /// The broker's error, or the settings that differ.
        reason: String,
    },
}

/// The reason why an attempt to create or find the consumer failed.
enum OpenError {
    Passing(Box<dyn Error + Send + Sync>),
    Lasting(String),
}

impl Bus {
    /// Returns the bookmark `name` in what the stream of events stores on `subject`, which may have
    /// wildcards. When it is first read, it stands before everything that is stored.
    pub fn durable_reader(
        &self,
        name: &str,
        subject: &str,
    ) -> Result<DurableReader, DurableReaderError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if !(1..=32).contains(&name.len()) || !name.bytes().all(plain) {
            let name = name.to_owned();
            return Err(DurableReaderError::Name { name });
        }
        Ok(DurableReader {
            bus: self.clone(),
            name: format!("{PREFIX}{name}"),
            subject: subject.to_owned(),
            pull: None,
        })
    }
}

impl DurableReader {
    /// Finds the consumer, or creates it, however long that takes.
    ///
    /// Cancel safe: it may be done again.
    pub async fn open(&mut self) -> Result<(), DurableReaderError> {
        while self.pull.is_none() {
            self.bus.wait_connected().await;
            // A request that is sent while the connection breaks is never answered.
            let opened = timeout(OPEN_TIMEOUT, self.try_open()).await;
            match opened.unwrap_or_else(|_| Err(OpenError::Passing("no answer".into()))) {
                Ok(pull) => self.pull = Some(pull),
                Err(OpenError::Lasting(reason)) => {
                    return Err(DurableReaderError::Refused {
                        name: self.name.clone(),
                        subject: self.subject.clone(),
                        reason,
                    });
                }
                Err(OpenError::Passing(error)) => {
                    warn!("cannot read `{}` from the stream: {error}", self.subject);
                    sleep(RETRY_INTERVAL).await;
                }
            }
        }
        Ok(())
    }

    /// Waits for the next message, however long that takes. It is redelivered, to any reader with this
    /// bookmark, unless it is [`read`](Self::read) within 10 seconds.
    ///
    /// Cancel safe: nothing is lost if this is dropped.
    pub async fn next(&mut self) -> Result<ReceivedMessage, DurableReaderError> {
        loop {
            self.open().await?;
            let Some(pull) = &mut self.pull else { continue };
            // One at a time: a person reads no faster, and readers take turns.
            let pulled = match pull.request_up_to(1).await {
                Ok(()) => pull.next().await,
                Err(error) => PullEvent::Lost(error.to_string()),
            };
            match pulled {
                PullEvent::Message(message) => {
                    return Ok(ReceivedMessage::stored(message, &self.bus));
                }
                PullEvent::Unfilled => {}
                PullEvent::Lost(reason) | PullEvent::Gone(reason) => {
                    warn!("lost the place in the stream, and look for it again: {reason}");
                    self.pull = None;
                    sleep(RETRY_INTERVAL).await;
                }
            }
        }
    }

    /// Acknowledges a message, so that the bookmark moves behind it, and waits until the broker has
    /// confirmed it.
    pub async fn read(&self, heard: &ReceivedMessage) {
        ack::ack_all(&self.bus.client, [&heard.message]).await;
    }

    /// Stops reading. Gives messages in flight back, so that the next reader gets them at once; this
    /// takes a second at most.
    pub async fn leave(self) {
        let Some(pull) = self.pull else { return };
        let mut rest = Box::pin(pull.drain());
        while let Some(message) = rest.next().await {
            ack::nak(&self.bus.client, &message).await;
        }
    }

    async fn try_open(&self) -> Result<Pull, OpenError> {
        let asked = pull::Config {
            durable_name: Some(self.name.clone()),
            deliver_policy: DeliverPolicy::All,
            ack_policy: AckPolicy::Explicit,
            ack_wait: INACTIVITY_TIMEOUT,
            max_deliver: -1,
            filter_subject: self.subject.clone(),
            replay_policy: ReplayPolicy::Instant,
            inactive_threshold: INACTIVE_THRESHOLD,
            ..pull::Config::default()
        };
        let passing = |error| OpenError::Passing(error);
        let stream = self.bus.jetstream.get_stream(TODO).await;
        let stream = stream.map_err(|error| passing(error.into()))?;
        // Newer servers create a consumer also on a subject that the stream never stores, and its reader
        // would wait for ever.
        let mut stored = stream.cached_info().config.subjects.iter();
        if !stored.any(|stored| overlap(stored, &self.subject)) {
            return Err(OpenError::Lasting("it stores nothing of that".to_owned()));
        }
        let history = History::of(stream.cached_info());
        let taken = create_consumer(&stream, &history, asked).await;
        let differences = taken.map_err(|error| {
            if is_config_mismatch(&error) {
                OpenError::Lasting(error.to_string())
            } else {
                passing(error.into())
            }
        })?;
        if !differences.is_empty() {
            return Err(OpenError::Lasting(differences.join("; ")));
        }
        let pull = Pull::open(&self.bus.client, TODO, &self.name, 1).await;
        pull.map_err(|error| passing(error.into()))
    }
}
