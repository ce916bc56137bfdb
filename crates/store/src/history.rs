//! What happened to an item, as far as the audit has it.

use events::ItemId;
use time::OffsetDateTime;

use crate::{Database, StoreError};

/// The history of items. The audit-handler writes it; where none ever ran there is none.
#[derive(Clone)]
pub struct ItemHistory(Database);

/// What happened to an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// The events about it, the newest first.
    pub events: Vec<PastEvent>,
    /// Whether the audit has written down an event about any item at all.
    pub is_kept: bool,
}

/// An event about an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastEvent {
    /// Where it was published.
    pub subject: String,
    /// When it happened, as its publisher said.
    pub occurred_at: OffsetDateTime,
}

impl ItemHistory {
    /// The histories in `database`.
    pub fn new(database: Database) -> Self {
        Self(database)
    }

    /// The newest events about an item, at most `limit` of them.
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
