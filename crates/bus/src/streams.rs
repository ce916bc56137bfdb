//! The streams of the product.

use std::time::Duration;

use async_nats::jetstream::{
    ErrorCode,
    context::{CreateStreamError, CreateStreamErrorKind, GetStreamError, GetStreamErrorKind},
    stream::{Config, DiscardPolicy, RetentionPolicy, StorageType},
};
use serde_json::{Value, json};
use time::OffsetDateTime;
use tracing::info;

use crate::{
    Bus, History,
    config_mismatch::config_mismatches,
    ledger::{self, ENTRY_TTL, LEDGER},
    refusals::is_lasting,
};

/// The stream that keeps every event.
pub const TODO: &str = "TODO";

/// The stream that keeps dead letters.
pub const DEAD_LETTERS: &str = "DEAD_LETTERS";

/// The stream that keeps the dead letters that a group shall handle after all, until it has.
pub const REPLAYS: &str = "REPLAYS";

/// Subject prefix of the broker's advisory that an event has reached the max deliveries of a group of
/// `TODO`; the group's name follows. Our groups have no max deliveries at the broker, others may.
pub(crate) const ADVISORIES: &str = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.TODO.";

const DAY: Duration = Duration::from_hours(24);

/// Deduplication window of the dead letters. A member that dies between storing a dead letter and
/// settling the event leaves it to another, which under outage upon outage took minutes.
const DEAD_LETTER_DEDUP_WINDOW: Duration = Duration::from_hours(1);

/// Limit of the bytes that a dead letter's headers may add to the event that it keeps.
pub(crate) const MAX_DEAD_LETTER_HEADERS: usize = 64 * 1024;

/// The largest event (bytes, headers included) that is stored: a body of 1 MiB and some headers.
const MAX_EVENT_BYTES: usize = 1024 * 1024 + 64 * 1024;

/// Smallest limit of one message (bytes) that a broker may have. An event of ours has some kilobytes; as a dead
/// letter it has more headers.
const LEAST_PAYLOAD: usize = 2 * MAX_DEAD_LETTER_HEADERS;

/// Settings of the streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Streams {
    /// Number of servers that keep each message: 1 on a single broker, 3 on a cluster.
    pub replicas: usize,
    /// Size limit of the stream of events (bytes). The dead letters may take half as much, their replays
    /// and the ledger an eighth each.
    pub limit: u64,
    /// For how long a dead letter is kept, and a replay of one that nobody has handled: at least a day.
    pub dead_letters_kept: Duration,
    /// For how long a note in the ledger is kept: at least an hour.
    pub notes_kept: Duration,
}

impl Default for Streams {
    /// One server, 2 GiB, dead letters for 90 days and notes for one.
    fn default() -> Self {
        Self {
            replicas: 1,
            limit: 2 << 30,
            dead_letters_kept: 90 * DAY,
            notes_kept: ENTRY_TTL,
        }
    }
}

impl Streams {
    /// Returns the streams with these settings, as the broker's own API writes them: for documents.
    pub fn settings(self) -> [Value; 4] {
        let streams = [
            todo(self, MAX_EVENT_BYTES),
            dead_letters(self),
            replays(self),
            ledger(self),
        ];
        streams.map(|stream| json!(stream))
    }
}

/// The reason why the streams are not as they have to be.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The broker did not answer, or refused.
    #[error("cannot ask for the stream `{stream}`")]
    Ask {
        /// The stream.
        stream: &'static str,
        /// The broker's error, or that of the request.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The broker has too little storage to reserve so much.
    #[error(
        "the broker has too little room for the stream `{stream}`: \
         raise its `max_file_store`, or ask for less (STREAM_LIMIT_MIB)"
    )]
    Room {
        /// The stream.
        stream: &'static str,
    },
    /// The broker takes only smaller messages than there may be.
    #[error(
        "the broker takes messages of up to {payload} bytes (its `max_payload`), and {LEAST_PAYLOAD} are needed at \
         least; the server's own default, 1 MiB, will do"
    )]
    Payload {
        /// The limit of one message (bytes).
        payload: usize,
    },
    /// The broker keeps the stream with other settings than asked, or refuses these.
    #[error("the broker does not keep the stream `{stream}` as it is set: {differences}")]
    Settings {
        /// The stream.
        stream: &'static str,
        /// Each difference with the setting's name, or the broker's error.
        differences: String,
    },
}

impl StreamError {
    /// Returns whether it may pass by itself: the broker did not answer.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Ask { .. })
    }
}

impl Bus {
    /// Creates the streams, or brings those that exist to today's settings.
    ///
    /// Repeating this changes nothing.
    pub async fn ensure_streams(&self, streams: Streams) -> Result<(), StreamError> {
        self.wait_connected().await;
        let payload = self.client.max_payload();
        if payload < LEAST_PAYLOAD {
            return Err(StreamError::Payload { payload });
        }
        let room = payload.saturating_sub(MAX_DEAD_LETTER_HEADERS);
        self.ensure(TODO, &todo(streams, MAX_EVENT_BYTES.min(room)))
            .await?;
        self.ensure(DEAD_LETTERS, &dead_letters(streams)).await?;
        self.ensure(REPLAYS, &replays(streams)).await?;
        self.ensure(LEDGER, &ledger(streams)).await
    }

    /// Reads the stream before it requests anything: to a broker that counts how much storage it has
    /// reserved, creating a stream again is reserving as much again.
    async fn ensure(&self, stream: &'static str, asked: &Config) -> Result<(), StreamError> {
        let failed = |source| StreamError::Ask { stream, source };
        let mut asked = asked.clone();
        let echoed = match self.jetstream.get_stream(stream).await {
            Ok(there) => {
                let info = there.cached_info();
                // The stream's history stays, whatever else is new. A stream of an earlier release counts
                // since its creation, whose time the server may move from now on.
                record(&mut asked, &History::of(info));
                if config_mismatches(&asked, &info.config).is_empty() {
                    info.config.clone()
                } else {
                    let updated = self.jetstream.update_stream(&asked).await;
                    updated.map_err(|error| refusal(stream, error))?.config
                }
            }
            Err(error) if is_absent(&error) => {
                record(
                    &mut asked,
                    &History::since(stream, OffsetDateTime::now_utc()),
                );
                let created = self.jetstream.create_stream(&asked).await;
                let created = created.map_err(|error| refusal(stream, error))?;
                created.cached_info().config.clone()
            }
            Err(error) => return Err(failed(error.into())),
        };
        let differences = config_mismatches(&asked, &echoed);
        if !differences.is_empty() {
            return Err(StreamError::Settings {
                stream,
                differences: differences.join("; "),
            });
        }
        info!("stream {stream} is ready");
        Ok(())
    }
}

/// Writes the history into the stream's description.
fn record(asked: &mut Config, history: &History) {
    let purpose = asked.description.take().unwrap_or_default();
    asked.description = Some(history.describe(&purpose));
}

/// Tells a broker without storage for such a stream from one that cannot answer now.
fn refusal(stream: &'static str, error: CreateStreamError) -> StreamError {
    match error.kind() {
        CreateStreamErrorKind::JetStream(said)
            if said.error_code() == ErrorCode::STORAGE_RESOURCES_EXCEEDED =>
        {
            StreamError::Room { stream }
        }
        CreateStreamErrorKind::JetStream(said) if is_lasting(&said) => StreamError::Settings {
            stream,
            differences: said.to_string(),
        },
        _ => StreamError::Ask {
            stream,
            source: error.into(),
        },
    }
}

/// Returns whether the broker answered that there is no such stream, as opposed to not answering.
pub(crate) fn is_absent(error: &GetStreamError) -> bool {
    match error.kind() {
        GetStreamErrorKind::JetStream(error) => error.error_code() == ErrorCode::STREAM_NOT_FOUND,
        _ => false,
    }
}

/// The stream of every event, whether or not anybody listens. When full, it refuses more: the caller
/// learns that the event was not accepted, and nothing accepted is discarded.
fn todo(streams: Streams, largest_event: usize) -> Config {
    Config {
        name: TODO.to_owned(),
        description: Some("every event of the todo lists".to_owned()),
        subjects: vec![events::ALL_SUBJECTS.to_owned()],
        max_age: 7 * DAY,
        max_bytes: bytes(streams.limit),
        max_message_size: i32::try_from(largest_event).unwrap_or(i32::MAX),
        duplicate_window: Duration::from_mins(2),
        ..durable(streams)
    }
}

fn dead_letters(streams: Streams) -> Config {
    Config {
        name: DEAD_LETTERS.to_owned(),
        description: Some("events that a group gave up on, each with the reason".to_owned()),
        subjects: vec!["dead.>".to_owned(), format!("{ADVISORIES}>")],
        max_age: streams.dead_letters_kept,
        max_bytes: bytes(streams.limit / 2),
        max_message_size: -1,
        duplicate_window: DEAD_LETTER_DEDUP_WINDOW,
        ..durable(streams)
    }
}

/// The stream of replays. A replay is all that is left of a dead letter, so it is kept as long; once
/// handled, it is removed.
fn replays(streams: Streams) -> Config {
    Config {
        name: REPLAYS.to_owned(),
        description: Some("dead letters that their group shall handle after all".to_owned()),
        subjects: vec!["replay.>".to_owned()],
        retention: RetentionPolicy::WorkQueue,
        max_age: streams.dead_letters_kept,
        max_bytes: bytes(streams.limit / 8),
        max_message_size: -1,
        duplicate_window: Duration::from_mins(2),
        ..durable(streams)
    }
}

/// The key-value stream with the newest entry of each key. When full, it discards the oldest, and refuses
/// nobody.
fn ledger(streams: Streams) -> Config {
    Config {
        name: LEDGER.to_owned(),
        description: Some("requests that carry a key, and what they were answered".to_owned()),
        subjects: vec![format!("{}*", ledger::PREFIX)],
        discard: DiscardPolicy::Old,
        max_age: streams.notes_kept,
        max_bytes: bytes(streams.limit / 8),
        max_messages_per_subject: 1,
        max_message_size: -1,
        duplicate_window: Duration::from_mins(2),
        ..durable(streams)
    }
}

fn bytes(limit: u64) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn durable(streams: Streams) -> Config {
    Config {
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::New,
        storage: StorageType::File,
        num_replicas: streams.replicas,
        // The server writes "no limit" as -1, and the comparison wants what it writes.
        max_messages: -1,
        max_messages_per_subject: -1,
        max_consumers: -1,
        ..Config::default()
    }
}
