//! The ledger: a key-value store that services share, whose entries are kept for a day, or as long as is set.
//!
//! It is a stream that keeps the newest entry of each key. A writer names the revision that it has seen
//! last, and only one of those that have seen the same one may write (compare and set). So it decides
//! which of many may go on. When it is full, it discards the oldest entries: it is for entries that help
//! and that nobody depends on.

use std::time::Duration;

use async_nats::{
    HeaderMap, Subject, header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE,
    jetstream::stream::LastRawMessageErrorKind,
};
use bytes::Bytes;
use tokio::time::timeout;
use uuid::Uuid;

use crate::{Bus, PublishError};

/// The stream that keeps the entries.
pub const LEDGER: &str = "LEDGER";

/// Prefix of the entries' subjects; the key follows.
pub(crate) const PREFIX: &str = "ledger.";

/// Time for which an entry is kept, unless `setup` is told another.
pub const ENTRY_TTL: Duration = Duration::from_hours(24);

/// The largest entry, in bytes.
pub const MAX_ENTRY_BYTES: usize = 1024 * 1024;

/// Time limit of reading an entry.
const READ_TIMEOUT: Duration = Duration::from_millis(1500);

/// An entry with its revision.
#[derive(Clone, Debug)]
pub struct LedgerEntry {
    /// Greater than that of every earlier entry under this key.
    pub revision: u64,
    /// The value.
    pub body: Bytes,
}

/// The reason why an entry is not known to be written, or cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Another client has written under this key since; nothing was written.
    #[error("somebody else has noted something under this key")]
    Overtaken,
    /// It cannot be written. As with every publish, it may have been written all the same.
    #[error("cannot write into the ledger")]
    Write(#[source] PublishError),
    /// It cannot be read.
    #[error("cannot read the ledger")]
    Read(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Bus {
    /// Returns the entry under `key`, if there is one. Waits 1.5 seconds at most.
    pub async fn get_entry(&self, key: Uuid) -> Result<Option<LedgerEntry>, LedgerError> {
        if !*self.connected.borrow() {
            return Err(LedgerError::Read(PublishError::Disconnected.into()));
        }
        let reading = async {
            let ledger = self.jetstream.get_stream_no_info(LEDGER).await;
            let ledger = ledger.map_err(|error| LedgerError::Read(error.into()))?;
            match ledger.get_last_raw_message_by_subject(&subject(key)).await {
                Ok(message) => Ok(Some(LedgerEntry {
                    revision: message.sequence,
                    body: message.payload,
                })),
                Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
                Err(error) => Err(LedgerError::Read(error.into())),
            }
        };
        let read = timeout(READ_TIMEOUT, reading).await;
        read.unwrap_or_else(|late| Err(LedgerError::Read(late.into())))
    }

    /// Writes an entry under `key`, if `seen` is the revision of the newest entry there, 0 if there is
    /// none. Returns the new revision. Waits 1.5 seconds at most.
    ///
    /// Cancel safe in so far as a dropped call may or may not have written.
    pub async fn put_entry(&self, key: Uuid, seen: u64, body: Bytes) -> Result<u64, LedgerError> {
        let headers = || {
            let mut headers = HeaderMap::new();
            headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, seen.to_string());
            headers
        };
        let stored = self.store(Subject::from(subject(key)), headers, body);
        match stored.await {
            Ok(stored) => Ok(stored.sequence),
            Err(PublishError::RevisionConflict) => Err(LedgerError::Overtaken),
            Err(error) => Err(LedgerError::Write(error)),
        }
    }
}

impl LedgerError {
    /// Returns whether the broker does not answer now, so that it would not answer anything else either.
    pub fn is_away(&self) -> bool {
        match self {
            Self::Overtaken => false,
            Self::Write(error) => matches!(
                error,
                PublishError::Disconnected | PublishError::Unconfirmed
            ),
            Self::Read(_) => true,
        }
    }
}

fn subject(key: Uuid) -> String {
    format!("{PREFIX}{}", key.as_simple())
}
