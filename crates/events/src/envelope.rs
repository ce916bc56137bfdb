//! The written form of an event: subject, headers, body.

use std::fmt;

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

use crate::{Event, ItemId, Meta, TraceContext};

/// The names of the headers. Attributes of CloudEvents 1.0 go in binary mode: one header each,
/// with the prefix `ce-` of its NATS protocol binding.
pub mod header {
    /// The message id: the broker drops a second message with the same id within its duplicate window.
    pub const MESSAGE_ID: &str = "Nats-Msg-Id";
    /// The media type of the body.
    pub const CONTENT_TYPE: &str = "content-type";
    /// The version of CloudEvents.
    pub const SPEC_VERSION: &str = "ce-specversion";
    /// The event's id.
    pub const ID: &str = "ce-id";
    /// The service that published it.
    pub const SOURCE: &str = "ce-source";
    /// The event's type.
    pub const TYPE: &str = "ce-type";
    /// The time at which it happened.
    pub const TIME: &str = "ce-time";
    /// The id that the events of one request have in common.
    pub const CORRELATION_ID: &str = "ce-correlationid";
    /// The reply subject: one that [`ReplyTo`](crate::ReplyTo) accepts.
    pub const REPLY_TO: &str = "reply-to";
    /// The trace that the event belongs to (W3C Trace Context).
    pub const TRACE_PARENT: &str = "traceparent";
    /// The data that tracing systems on the way add (W3C Trace Context).
    pub const TRACE_STATE: &str = "tracestate";
}

/// The id of an event. Ours are UUIDs; other publishers may use any short text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(String);

impl EventId {
    /// The longest id (in bytes) that is taken over from another publisher.
    pub const MAX_BYTES: usize = 128;

    /// Takes over another publisher's id, if it is short and printable.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = !text.is_empty()
            && text.len() <= Self::MAX_BYTES
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self(text.to_owned()))
    }

    /// Returns the id of the [`ItemSaved`](crate::ItemSaved) of one version of an item. It is the same each
    /// time, so that publishing the event again after a crash makes no second one. An id made of the event
    /// that caused the save would not do: if that one is redelivered together with an older event, it may
    /// cause two states.
    #[must_use]
    pub fn of_version(item: ItemId, version: i64) -> Self {
        let name = format!("{item}/{version}");
        Self::from(Uuid::new_v5(&VERSIONS, name.as_bytes()))
    }

    /// Returns the id as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Namespace of the UUIDs of `EventId::of_version`, so that they collide with no other identifiers.
const VERSIONS: Uuid = Uuid::from_u128(0x8f27_5b9d_04c3_5e68_b1d7_2a90_6ce5_41f8);

impl From<Uuid> for EventId {
    fn from(id: Uuid) -> Self {
        Self(id.to_string())
    }
}

impl From<ItemId> for EventId {
    /// The event that adds an item has the item's own identity.
    fn from(id: ItemId) -> Self {
        id.uuid().into()
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An event ready to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The event's id.
    pub id: EventId,
    /// The subject to publish it on.
    pub subject: &'static str,
    /// Its headers, in the order in which they are written.
    pub headers: Vec<(&'static str, String)>,
    /// Its body: JSON.
    pub body: Vec<u8>,
}

impl Envelope {
    /// Writes `event`, which happened at `at` and is published by the service `source`.
    ///
    /// # Panics
    ///
    /// If the event cannot be written as JSON, which happens with none of this crate's.
    pub fn seal<E: Event>(event: &E, id: EventId, source: &str, at: OffsetDateTime) -> Self {
        let body = serde_json::to_vec(event).expect("an event has no maps with odd keys");
        let time = at
            .format(&Rfc3339)
            .expect("a clock's time is within the years of RFC 3339");
        let headers = vec![
            (header::MESSAGE_ID, id.to_string()),
            (header::SPEC_VERSION, "1.0".to_owned()),
            (header::ID, id.to_string()),
            (header::SOURCE, format!("/{source}")),
            (header::TYPE, E::TYPE.to_owned()),
            (header::TIME, time),
            (header::CONTENT_TYPE, "application/json".to_owned()),
        ];
        Self {
            id,
            subject: E::SUBJECT,
            headers,
            body,
        }
    }

    /// Adds the header `name`, if there is a value for it.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: Option<String>) -> Self {
        self.headers.extend(value.map(|value| (name, value)));
        self
    }

    /// Makes it a consequence of the event of `meta`: part of the same request and of the same trace.
    #[must_use]
    pub fn caused_by(self, meta: &Meta) -> Self {
        self.with(header::CORRELATION_ID, meta.correlation_id.clone())
            .traced(meta.trace.as_ref())
    }

    /// Replaces its trace context by `trace`, if there is one.
    #[must_use]
    pub fn traced(mut self, trace: Option<&TraceContext>) -> Self {
        let Some(trace) = trace else { return self };
        let others =
            |(name, _): &(&str, _)| ![header::TRACE_PARENT, header::TRACE_STATE].contains(name);
        self.headers.retain(others);
        self.with(header::TRACE_PARENT, Some(trace.parent().to_owned()))
            .with(header::TRACE_STATE, trace.state().map(str::to_owned))
    }

    /// Returns the trace context that its headers have, if they have a valid one.
    pub fn trace(&self) -> Option<TraceContext> {
        let header = |wanted| {
            let found = self.headers.iter().find(|(name, _)| *name == wanted);
            found.map(|(_, value)| value.as_str())
        };
        TraceContext::parse(header(header::TRACE_PARENT)?, header(header::TRACE_STATE))
    }
}
