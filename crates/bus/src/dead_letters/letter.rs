//! A dead letter as it is read.

use async_nats::{HeaderMap, jetstream::message::StreamMessage};
use bytes::Bytes;
use events::{EventId, Origin, TodoEvent};
use serde::Deserialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    AT, ATTEMPTS, GROUP, MEMBER, REASON,
    record::{OriginHeaders, each, value},
};
use crate::{delivery::read, streams::ADVISORIES};

/// A dead letter: everything that is known of an event that a group gave up on.
#[derive(Debug)]
pub struct DeadLetter {
    /// Its sequence in the stream of dead letters.
    pub sequence: u64,
    /// The group that gave up.
    pub group: String,
    /// The member that gave up; `None` if it was the broker.
    pub member: Option<String>,
    /// The reason: the failure and its causes.
    pub reason: String,
    /// Number of deliveries of the event to members of the group.
    pub attempts: u64,
    /// Time at which the group gave up.
    pub died_at: OffsetDateTime,
    /// The event, or the reason why it is not known any more.
    pub event: Result<DeadEvent, String>,
    /// The event's sequence in its stream, if the broker only pointed at it.
    pub(super) pointer: Option<u64>,
}

/// An event that a group gave up on, as it was published.
#[derive(Debug)]
pub struct DeadEvent {
    /// The subject that it was published on.
    pub subject: String,
    /// Its id, which may be derived from its position.
    pub id: EventId,
    /// The position and the time at which it was stored.
    pub origin: Origin,
    /// Its body.
    pub body: Bytes,
    pub(super) headers: HeaderMap,
}

impl DeadEvent {
    pub(super) fn new(record: OriginHeaders, body: Bytes) -> Self {
        let OriginHeaders {
            headers,
            subject,
            origin,
        } = record;
        let received = read::<Option<TodoEvent>>(&subject, Some(&headers), &body, origin.clone());
        Self {
            id: received.map_or_else(|_| origin.derived_id().into(), |event| event.meta.id),
            subject,
            origin,
            body,
            headers,
        }
    }

    /// Its headers, in the order of their names.
    pub fn headers(&self) -> Vec<(&str, &str)> {
        let mut headers: Vec<_> = each(&self.headers).collect();
        headers.sort_unstable();
        headers
    }
}

/// The part of a dead letter that can be read without its event.
pub(super) struct LetterHeaders {
    pub(super) group: String,
    pub(super) member: Option<String>,
    pub(super) reason: String,
    pub(super) attempts: u64,
    pub(super) died_at: OffsetDateTime,
    /// The event's sequence in its stream, if the letter only points at it.
    pub(super) pointer: Option<u64>,
}

/// The broker's advisory that an event has reached max deliveries, in so far as we need it.
#[derive(Deserialize)]
struct Advisory {
    stream_seq: u64,
    deliveries: u64,
}

impl LetterHeaders {
    /// Reads a message as tolerantly as possible: whatever is there can be shown and discarded.
    pub(super) fn read(message: &StreamMessage) -> Self {
        let subject = message.subject.as_str();
        let advisory = serde_json::from_slice::<Advisory>(&message.payload);
        if let (Some(group), Ok(advisory)) = (subject.strip_prefix(ADVISORIES), advisory) {
            let deliveries = advisory.deliveries;
            return Self {
                group: group.to_owned(),
                member: None,
                reason: format!("delivered {deliveries} times without being settled"),
                attempts: deliveries,
                died_at: message.time,
                pointer: Some(advisory.stream_seq),
            };
        }
        let header = |name| value(&message.headers, name);
        let place = subject.rsplit('.').next().unwrap_or_default();
        let died_at = header(AT).and_then(|time| OffsetDateTime::parse(time, &Rfc3339).ok());
        Self {
            group: header(GROUP).unwrap_or(place).to_owned(),
            member: header(MEMBER).map(str::to_owned),
            reason: header(REASON).unwrap_or("no reason was given").to_owned(),
            attempts: header(ATTEMPTS)
                .and_then(|count| count.parse().ok())
                .unwrap_or_default(),
            died_at: died_at.unwrap_or(message.time),
            pointer: None,
        }
    }
}
