//! History of an item, from the audit log.

use events::ItemId;
use time::OffsetDateTime;

use crate::{Database, StoreError};

/// The history of items. The audit-handler writes it; where none ever ran there is none.
#[derive(Clone)]
pub struct ItemHistory(Database);

/// History of one item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// The events about it, the newest first.
    pub events: Vec<PastEvent>,
    /// True if the audit log has an event about any item at all.
    pub is_kept: bool,
}

/// An event about an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastEvent {
    /// Its subject.
    pub subject: String,
    /// Time of the event, as its publisher said.
    pub occurred_at: OffsetDateTime,
}

impl ItemHistory {
    /// The histories in `database`.
    pub fn new(database: Database) -> Self {
        Self(database)
    }

    /// Returns the newest events about an item, at most `limit` of them.
    pub async fn of(&self, item: ItemId, limit: u32) -> Result<History, StoreError> {
        let query = sqlx::query_as!(
            PastEvent,
            r#"
            select subject as "subject!", occurred_at as "occurred_at!"
            from audit.item_history
            where item_id = $1
            order by stream_created desc, sequence desc
            limit $2
            "#,
            item.uuid(),
            i64::from(limit),
        );
        let any = sqlx::query_scalar!(
            r#"select exists (select from audit.item_history limit 1) as "exists!""#
        );
        self.0
            .run("history", async |connection| {
                let events = query.fetch_all(&mut *connection).await?;
                let is_kept = !events.is_empty() || any.fetch_one(connection).await?;
                Ok(History { events, is_kept })
            })
            .await
            .map_err(StoreError::Get)
    }
}
