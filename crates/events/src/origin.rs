//! Where an event stands in the history of its stream.

use std::sync::Arc;

use time::OffsetDateTime;
use uuid::Uuid;

use crate::Order;

/// Which stream: its name and the time at which it was created. A stream that was deleted and
/// made again has the same name and starts to count at 1 again, and is another stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamIdentity {
    name: String,
    created: OffsetDateTime,
    namespace: Uuid,
}

/// Where identifiers derived from streams live, so that they meet no other identifiers.
const STREAMS: Uuid = Uuid::from_u128(0x1d3c_7f0a_96b4_5c1e_8a52_e47b_09d1_53fc);

impl StreamIdentity {
    /// The identity of the stream `name` that was created at `created`.
    pub fn new(name: impl Into<String>, created: OffsetDateTime) -> Self {
        let name = name.into();
        let identity = format!("{name}@{}", created.unix_timestamp_nanos());
        Self {
            namespace: Uuid::new_v5(&STREAMS, identity.as_bytes()),
            name,
            created,
        }
    }

    /// The stream's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// When the stream was created.
    pub fn created(&self) -> OffsetDateTime {
        self.created
    }

    /// The identifier of whatever was stored at `sequence` without one of its own (UUID version 5).
    /// Every member of every group derives the same.
    pub fn derive_id(&self, sequence: u64) -> Uuid {
        Uuid::new_v5(&self.namespace, &sequence.to_be_bytes())
    }

    /// The place of `sequence` among the events of this stream and of those it succeeds.
    pub fn position(&self, sequence: u64) -> Position {
        let microseconds = self.created.unix_timestamp_nanos() / 1_000;
        let epoch = i64::try_from(microseconds).unwrap_or(i64::MAX);
        Position(epoch.saturating_add_unsigned(sequence))
    }
}

/// A place in the history of events, across streams that succeed each other: later is greater.
///
/// It is the stream's creation time in microseconds plus the sequence. Within a stream that
/// counts like the sequence. A stream made later starts above everything that the one before it
/// reached, as long as that one took in fewer than a million events a second over its life, which
/// is more than a broker can store. One number instead of a pair keeps a row small and its
/// comparison a single operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(i64);

impl Position {
    /// The number, as the database keeps it.
    pub fn get(self) -> i64 {
        self.0
    }
}

/// Where and when the broker stored an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The stream that stored it.
    pub stream: Arc<StreamIdentity>,
    /// Its sequence there.
    pub sequence: u64,
    /// When it was stored.
    pub stored_at: OffsetDateTime,
}

impl Origin {
    /// Its place in history.
    pub fn position(&self) -> Position {
        self.stream.position(self.sequence)
    }

    /// The identifier that it has if its publisher gave none.
    pub fn derived_id(&self) -> Uuid {
        self.stream.derive_id(self.sequence)
    }

    /// The place of an item that was added here: last in its list.
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
