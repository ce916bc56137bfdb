//! The audit log: every event that was published, with its original body.

use events::{EventId, ItemId, StreamIdentity};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Database, StoreError, error::Cause, utc::in_utc};

/// The audit log. It has a schema of its own and never touches the items.
#[derive(Clone)]
pub struct AuditLog(Database);

/// An event as the broker stored it, whether it could be decoded or not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AuditEntry<'a> {
    /// The stream that stored it.
    pub stream: &'a StreamIdentity,
    /// Its sequence there.
    pub sequence: u64,
    /// Its subject.
    pub subject: &'a str,
    /// Its id.
    pub event_id: &'a EventId,
    /// The item that it is about, if it could be decoded.
    pub item: Option<ItemId>,
    /// Time at which it happened.
    pub occurred_at: OffsetDateTime,
    /// Time at which the broker stored it.
    pub stored_at: OffsetDateTime,
    /// Its body, whatever it is.
    pub payload: &'a [u8],
}

impl AuditLog {
    /// The audit log in `database`.
    pub fn new(database: Database) -> Self {
        Self(database)
    }

    /// Inserts events, all or none, and returns how many of them are new.
    pub async fn append(&self, entries: &[AuditEntry<'_>]) -> Result<u64, StoreError> {
        if entries.is_empty() {
            return Ok(0);
        }
        let columns = Columns::new(entries).map_err(StoreError::Append)?;
        self.0
            .run("append", async |connection| {
                columns.insert(connection).await
            })
            .await
            .map_err(StoreError::Append)
    }
}

/// The entries as one array per column, for `unnest`.
#[derive(Default)]
struct Columns<'a> {
    stream: Vec<&'a str>,
    stream_created: Vec<OffsetDateTime>,
    sequence: Vec<i64>,
    subject: Vec<&'a str>,
    event_id: Vec<&'a str>,
    item_id: Vec<Option<Uuid>>,
    occurred_at: Vec<OffsetDateTime>,
    stored_at: Vec<OffsetDateTime>,
    payload: Vec<&'a [u8]>,
}

impl<'a> Columns<'a> {
    fn new(entries: &[AuditEntry<'a>]) -> Result<Self, Cause> {
        // All members insert in one order, so that no two deadlock.
        let mut entries: Vec<_> = entries.iter().collect();
        entries.sort_by_key(|entry| (entry.stream.name(), entry.stream.created(), entry.sequence));
        let mut columns = Self::default();
        for entry in entries {
            columns.push(entry)?;
        }
        Ok(columns)
    }

    fn push(&mut self, entry: &AuditEntry<'a>) -> Result<(), Cause> {
        let stream_created = in_utc(entry.stream.created())?;
        let stored_at = in_utc(entry.stored_at)?;
        self.stream.push(entry.stream.name());
        self.stream_created.push(stream_created);
        // No broker gets that far.
        self.sequence
            .push(i64::try_from(entry.sequence).unwrap_or(i64::MAX));
        self.subject.push(entry.subject);
        self.event_id.push(entry.event_id.as_str());
        self.item_id.push(entry.item.map(ItemId::uuid));
        // An event whose own time is outside the calendar gets the time at which it was stored.
        self.occurred_at
            .push(in_utc(entry.occurred_at).unwrap_or(stored_at));
        self.stored_at.push(stored_at);
        self.payload.push(entry.payload);
        Ok(())
    }

    /// Checks that all arrays have one length: `unnest` would fill up shorter ones with nulls.
    fn assert_even(&self) {
        let lengths = [
            self.stream_created.len(),
            self.sequence.len(),
            self.subject.len(),
            self.event_id.len(),
            self.item_id.len(),
            self.occurred_at.len(),
            self.stored_at.len(),
            self.payload.len(),
        ];
        assert!(lengths.iter().all(|length| *length == self.stream.len()));
    }

    async fn insert(&self, connection: &mut PgConnection) -> Result<u64, sqlx::Error> {
        self.assert_even();
        let written = sqlx::query!(
            r#"
            insert into audit.events (
                stream, stream_created, sequence, subject, event_id, item_id, occurred_at,
                stored_at, payload
            )
            select *
            from unnest(
                $1::text[], $2::timestamptz[], $3::bigint[], $4::text[], $5::text[],
                $6::uuid[], $7::timestamptz[], $8::timestamptz[], $9::bytea[]
            )
            on conflict do nothing
            "#,
            &self.stream as &[&str],
            &self.stream_created,
            &self.sequence,
            &self.subject as &[&str],
            &self.event_id as &[&str],
            &self.item_id as &[Option<Uuid>],
            &self.occurred_at,
            &self.stored_at,
            &self.payload as &[&[u8]],
        )
        .execute(connection)
        .await?;
        Ok(written.rows_affected())
    }
}
