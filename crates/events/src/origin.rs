//! The position of an event in the history of its stream.

use std::sync::Arc;

use time::OffsetDateTime;
use uuid::Uuid;

use crate::Order;

/// The identity of a stream: its name and the time at which it was created. A stream that was deleted and
/// created again has the same name and starts to count at 1 again, and is another stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamIdentity {
    name: String,
    created: OffsetDateTime,
    namespace: Uuid,
}

/// Namespace of the UUIDs derived from streams, so that they collide with no other identifiers.
const STREAMS: Uuid = Uuid::from_u128(0x1d3c_7f0a_96b4_5c1e_8a52_e47b_09d1_53fc);

impl StreamIdentity {
    /// Makes the identity of the stream `name` that was created at `created`.
    pub fn new(name: impl Into<String>, created: OffsetDateTime) -> Self {
        let name = name.into();
        let identity = format!("{name}@{}", created.unix_timestamp_nanos());
        Self {
            namespace: Uuid::new_v5(&STREAMS, identity.as_bytes()),
            name,
            created,
        }
    }

    /// Returns the stream's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the time at which the stream was created.
    pub fn created(&self) -> OffsetDateTime {
        self.created
    }

    /// Derives an identifier for a message that was stored at `sequence` without one of its own (UUID
    /// version 5). Every member of every group derives the same.
    pub fn derive_id(&self, sequence: u64) -> Uuid {
        Uuid::new_v5(&self.namespace, &sequence.to_be_bytes())
    }

    /// Returns the position of `sequence` among the events of this stream and of those that it succeeds.
    pub fn position(&self, sequence: u64) -> Position {
        let microseconds = self.created.unix_timestamp_nanos() / 1_000;
        let epoch = i64::try_from(microseconds).unwrap_or(i64::MAX);
        Position(epoch.saturating_add_unsigned(sequence))
    }
}

/// A position in the history of events, across streams that succeed each other: later is greater.
///
/// It is the stream's creation time in microseconds plus the sequence. Within a stream it increases
/// like the sequence. A stream that is created later starts above everything that the one before it
/// reached, as long as that one stored fewer than a million events a second over its life, which
/// is more than a broker can do. One number instead of a pair keeps a row small and its comparison a
/// single operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(i64);

impl Position {
    /// Returns the number, as the database stores it.
    pub fn get(self) -> i64 {
        self.0
    }
}

/// The stream, the sequence and the time at which the broker stored an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The stream that stored it.
    pub stream: Arc<StreamIdentity>,
    /// Its sequence there.
    pub sequence: u64,
    /// The time at which it was stored.
    pub stored_at: OffsetDateTime,
}

impl Origin {
    /// Returns its position in the history of events.
    pub fn position(&self) -> Position {
        self.stream.position(self.sequence)
    }

    /// Derives the identifier that it has if its publisher gave none.
    pub fn derived_id(&self) -> Uuid {
        self.stream.derive_id(self.sequence)
    }

    /// Returns the position, in its list, of an item that was added by this event: last.
    pub fn order(&self) -> Order {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a quarter of a microsecond is near enough"
        )]
        let seconds = self.stored_at.unix_timestamp_nanos() as f64 / 1e9;
        seconds
            .try_into()
            .unwrap_or_else(|_| unreachable!("a time is a finite number"))
    }
}
