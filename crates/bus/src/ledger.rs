//! The ledger: what services note under a key for a day, so that all their members see it.
//!
//! It is a stream that keeps the newest note of each key. Who writes says which note it has seen last, and
//! only one of those who have seen the same may write (compare and set). So it decides who of many may go
//! on. It forgets the oldest notes when it is full: it is for what is better known and can be done
//! without.

use std::time::Duration;

use async_nats::{
    HeaderMap, Subject, header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE,
    jetstream::stream::LastRawMessageErrorKind,
};
use bytes::Bytes;
use tokio::time::timeout;
use uuid::Uuid;

use crate::{Bus, PublishError};

/// The stream that keeps the notes.
pub const LEDGER: &str = "LEDGER";

/// What the subjects of notes start with; the key follows.
pub(crate) const PREFIX: &str = "ledger.";

/// How long a note is kept.
pub const NOTED_FOR: Duration = Duration::from_hours(24);

/// The largest note, in bytes.
pub const LARGEST_NOTE: usize = 1024 * 1024;

/// How long reading a note may take.
const READ_LIMIT: Duration = Duration::from_millis(1500);

/// A note, and which one it is.
#[derive(Clone, Debug)]
pub struct Note {
    /// Greater than that of every earlier note under this key.
    pub revision: u64,
    /// What was noted.
    pub body: Bytes,
}

/// Why a note is not known to be written, or cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Somebody else has written under this key since; nothing was written.
    #[error("somebody else has noted something under this key")]
    Overtaken,
    /// It cannot be written. As with every publishing, it may have been all the same.
    #[error("cannot write into the ledger")]
    Write(#[source] PublishError),
    /// It cannot be read.
    #[error("cannot read the ledger")]
    Read(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Bus {
    /// What is noted under `key`, if anything is. Waits 1.5 seconds at most.
    pub async fn noted(&self, key: Uuid) -> Result<Option<Note>, LedgerError> {
        if !*self.connected.borrow() {
            return Err(LedgerError::Read(PublishError::Away.into()));
        }
        let reading = async {
            let ledger = self.jetstream.get_stream_no_info(LEDGER).await;
            let ledger = ledger.map_err(|error| LedgerError::Read(error.into()))?;
            match ledger.get_last_raw_message_by_subject(&subject(key)).await {
                Ok(message) => Ok(Some(Note {
                    revision: message.sequence,
                    body: message.payload,
                })),
                Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
                Err(error) => Err(LedgerError::Read(error.into())),
            }
        };
        let read = timeout(READ_LIMIT, reading).await;
        read.unwrap_or_else(|late| Err(LedgerError::Read(late.into())))
    }

    /// Notes something under `key`, if `seen` is the revision of the newest note there, 0 if there is none.
    /// Returns the revision of the new one. Waits 1.5 seconds at most.
    ///
    /// Cancel safe in so far as a dropped call may or may not have written.
    pub async fn note(&self, key: Uuid, seen: u64, body: Bytes) -> Result<u64, LedgerError> {
        let headers = || {
            let mut headers = HeaderMap::new();
            headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, seen.to_string());
            headers
        };
        let stored = self.store(Subject::from(subject(key)), headers, body);
        match stored.await {
            Ok(stored) => Ok(stored.sequence),
            Err(PublishError::Overtaken) => Err(LedgerError::Overtaken),
            Err(error) => Err(LedgerError::Write(error)),
        }
    }
}

impl LedgerError {
    /// Whether the broker does not answer now, so that it would not answer anything else either.
    pub fn is_away(&self) -> bool {
        match self {
            Self::Overtaken => false,
            Self::Write(error) => matches!(error, PublishError::Away | PublishError::Unconfirmed),
            Self::Read(_) => true,
        }
    }
}

fn subject(key: Uuid) -> String {
    format!("{PREFIX}{}", key.as_simple())
}
