//! An event that the broker delivered, and the ways in which handling it may fail.

use std::{error::Error, ops::Deref, sync::Arc, time::SystemTime};

use async_nats::{HeaderMap, HeaderName, HeaderValue, Message};
use events::{Decode, Malformed, Origin, Raw, Received, TraceContext, header};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    History, REPLAYS,
    dead_letters::{MissingHeader, read_origin},
};

/// An event that the broker delivered to this member. It reads as the [`Received`] event that it holds.
#[derive(Debug)]
pub struct Delivery<E> {
    pub(crate) received: Received<E>,
    pub(crate) message: RawMessage,
}

impl<E> Delivery<E> {
    /// Returns the subject that it was published on.
    pub fn subject(&self) -> &str {
        &self.message.message.subject
    }

    /// Its body as it came.
    pub fn payload(&self) -> &[u8] {
        &self.message.message.payload
    }

    /// Returns how often the broker delivered it to a member of this group, this time included.
    pub fn attempt(&self) -> u64 {
        self.message.attempt
    }
}

impl<E> Deref for Delivery<E> {
    type Target = Received<E>;

    fn deref(&self) -> &Received<E> {
        &self.received
    }
}

/// The reason why an event was not handled, which decides what becomes of it.
#[derive(Debug, thiserror::Error)]
pub enum HandlerError {
    /// The event is at fault and always will be: it becomes a dead letter.
    #[error("cannot be handled")]
    Reject(#[source] Box<dyn Error + Send + Sync>),
    /// It may work another time: the event is redelivered after a growing pause, a limited number of
    /// times.
    #[error("not handled this time")]
    Retry(#[source] Box<dyn Error + Send + Sync>),
    /// Something that every event needs is unavailable, or does not suffice for the whole batch: the
    /// member waits, tries fewer events at a time, the oldest first, and goes on as far as that works. No
    /// event is blamed.
    #[error("what is needed is away")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}

impl HandlerError {
    /// The failure and its causes, in one line.
    pub(crate) fn chain(&self) -> String {
        chain(self)
    }
}

/// An error and its causes, in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// The metadata that a consumer put into a message's reply subject.
pub(crate) struct Given {
    attempt: u64,
    sequence: u64,
    /// The consumer sequence: number of messages that the consumer had delivered then, this one included.
    pub(crate) count: u64,
    /// In nanoseconds since 1970.
    stored_at: i128,
}

impl Given {
    pub(crate) fn read(message: &Message) -> Option<Self> {
        let reply = message.reply.as_ref()?.as_str();
        let mut tokens = reply.split('.').collect::<Vec<_>>();
        // ADR-15 of NATS: `$JS.ACK.<stream>.<consumer>.<delivered>.<sequence>.<consumer
        // sequence>.<time>.<pending>`, in which newer servers insert a domain and an account.
        if tokens.len() > 9 {
            tokens.drain(2..4);
        }
        let ["$JS", "ACK", _, _, attempt, sequence, count, time, ..] = tokens[..] else {
            return None;
        };
        Some(Self {
            attempt: attempt.parse().ok()?,
            sequence: sequence.parse().ok()?,
            count: count.parse().ok()?,
            stored_at: time.parse().ok()?,
        })
    }
}

/// A message of a stream, with the metadata in its reply subject.
#[derive(Debug)]
pub(crate) struct RawMessage {
    pub(crate) message: Message,
    pub(crate) attempt: u64,
    pub(crate) origin: Origin,
    /// The id of the replay that the event was restored from, derived from the replay's place among the
    /// replays.
    replayed_from: Option<Uuid>,
    /// Time of its arrival, until it is recorded in a span; only where this process traces.
    pub(crate) arrived: Option<SystemTime>,
}

impl RawMessage {
    /// Reads the metadata of a message that a stream with this history delivered. `None` if it is none of
    /// a stream.
    pub(crate) fn open(message: Message, history: &History) -> Option<Self> {
        let given = Given::read(&message)?;
        let sequence = given.sequence;
        let origin = Origin {
            stream: Arc::clone(history.identity(sequence)),
            sequence,
            stored_at: OffsetDateTime::from_unix_timestamp_nanos(given.stored_at).ok()?,
        };
        Some(Self {
            message,
            attempt: given.attempt,
            origin,
            replayed_from: None,
            arrived: None,
        })
    }

    /// Turns a replay into the event that it repeats: subject, headers and position are those of the
    /// event, and only the reply subject, by which it is acknowledged, is the replay's. Leaves a message
    /// that is no replay as it is.
    pub(crate) fn restore(&mut self) -> Result<(), MissingHeader> {
        if self.origin.stream.name() != REPLAYS {
            return Ok(());
        }
        let record = read_origin(self.message.headers.as_ref().unwrap_or(&HeaderMap::new()))?;
        self.replayed_from = Some(self.origin.derived_id());
        self.message.subject = record.subject.into();
        self.message.headers = Some(record.headers);
        self.origin = record.origin;
        Ok(())
    }

    /// Returns its size in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.message.length
    }

    /// Returns the id of the stored message that the broker delivered: of the replay, if it was one.
    pub(crate) fn place(&self) -> Uuid {
        self.replayed_from
            .unwrap_or_else(|| self.origin.derived_id())
    }

    /// Returns whether it is an event that was restored from a replay.
    pub(crate) fn is_replay(&self) -> bool {
        self.replayed_from.is_some()
    }

    /// Returns the trace context with which it was published.
    pub(crate) fn trace(&self) -> Option<TraceContext> {
        let headers = self.message.headers.as_ref()?;
        let parent = headers.get(HeaderName::from_static(header::TRACE_PARENT))?;
        TraceContext::parse(parent.as_str(), trace_state(headers).as_deref())
    }

    /// Decodes the event.
    pub(crate) fn read<E: Decode>(&self) -> Result<Received<E>, Malformed> {
        let Message {
            subject,
            headers,
            payload,
            ..
        } = &self.message;
        read(subject, headers.as_ref(), payload, self.origin.clone())
    }
}

/// Joins the lines of `tracestate`, of which each system on the way may have added one, in their order.
fn trace_state(headers: &HeaderMap) -> Option<String> {
    let lines = headers.get_all(HeaderName::from_static(header::TRACE_STATE));
    let lines: Vec<_> = lines.map(HeaderValue::as_str).collect();
    (!lines.is_empty()).then(|| lines.join(","))
}

/// Decodes the event in a message that was stored at `origin`.
pub(crate) fn read<E: Decode>(
    subject: &str,
    headers: Option<&HeaderMap>,
    payload: &[u8],
    origin: Origin,
) -> Result<Received<E>, Malformed> {
    let state = headers.and_then(trace_state);
    let header = |name| {
        if name == header::TRACE_STATE {
            return state.as_deref();
        }
        let value = headers?.get(HeaderName::from_static(name));
        value.map(HeaderValue::as_str)
    };
    let raw = Raw {
        subject,
        header: &header,
        payload,
    };
    E::decode(&raw, origin)
}
