//! Access as the owner of the tables, who alone may delete rows.

use std::time::Duration;

use events::Position;
use sqlx::{Connection, PgConnection};
use time::OffsetDateTime;
use tokio::time::timeout;

use crate::{
    StoreError,
    address::Address,
    error::{Cause, Reason},
    migrate::{BEGIN, CONNECT, log_in},
    utc::in_utc,
};

/// Time limit of one statement.
const LIMIT: Duration = Duration::from_mins(5);

/// The owner of the tables. Services have no right to delete a row, and are given none for this.
pub struct Owner {
    pub(crate) connection: PgConnection,
}

impl Owner {
    /// Logs in to the database at `url`, after [`migrate`](crate::migrate).
    pub async fn log_in(url: &str) -> Result<Self, StoreError> {
        let address = Address::read(url, "setup")?;
        let connection = log_in(&address).await;
        let connection = connection.map_err(|cause| StoreError::Use(cause.of_owner()))?;
        Ok(Self { connection })
    }

    /// Closes the connection. Everything done before is committed.
    pub async fn leave(self) {
        // It does not matter if closing fails.
        let _ = timeout(CONNECT, self.connection.close()).await;
    }

    /// Deletes up to `limit` events that the broker stored before a time from the audit log, and returns how
    /// many.
    pub async fn forget_audit(
        &mut self,
        before: OffsetDateTime,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let before = in_utc(before).map_err(StoreError::Retain)?;
        let removed = self.run(async |connection| {
            let removed = sqlx::query!(
                r#"
                delete from audit.events
                where ctid = any (array(
                    select ctid from audit.events where stored_at < $1 limit $2
                ))
                "#,
                before,
                i64::from(limit)
            );
            Ok(removed.execute(connection).await?.rows_affected())
        });
        removed.await.map_err(StoreError::Retain)
    }

    /// Records that the stream had reached `position` at `now`, about once a day.
    ///
    /// [`Owner::forget_tombstones`] derives the age of rows from these records.
    pub async fn note_position(
        &mut self,
        position: Position,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let now = in_utc(now).map_err(StoreError::Retain)?;
        let noted = self.run(async |connection| {
            sqlx::query!(
                r#"
                insert into positions_seen (position, seen_at)
                select $1, $2
                where not exists (
                    select from positions_seen where seen_at > $2::timestamptz - interval '1 day'
                )
                on conflict do nothing
                "#,
                position.get(),
                now
            )
            .execute(connection)
            .await
        });
        noted.await.map(drop).map_err(StoreError::Retain)
    }

    /// Deletes rows of items that were never added, left by late changes: nobody sees them, and their events
    /// all have positions before `reach`. Returns how many.
    ///
    /// No event before `reach` may still be delivered, or one that adds the item would find its changes gone.
    pub async fn forget_leftovers(&mut self, reach: Position) -> Result<u64, StoreError> {
        let removed = self.run(async |connection| {
            let removed = sqlx::query!(
                r#"
                delete from items
                where created_position is null
                    and not deleted
                    and greatest(
                        item_position, order_position, completed_position, deleted_position
                    ) < $1
                "#,
                reach.get()
            );
            Ok(removed.execute(connection).await?.rows_affected())
        });
        removed.await.map_err(StoreError::Retain)
    }

    /// Deletes the rows of deleted items whose last event was stored before `time`, according to
    /// [`Owner::note_position`], and has a position before `reach`. Returns how many.
    ///
    /// No event before `reach` may still be delivered, or one that adds the item would bring it back.
    pub async fn forget_tombstones(
        &mut self,
        reach: Position,
        time: OffsetDateTime,
    ) -> Result<u64, StoreError> {
        let time = in_utc(time).map_err(StoreError::Retain)?;
        let removed = self.run(async |connection| {
            let removed = sqlx::query!(
                r#"
                delete from items
                where deleted
                    and greatest(
                        created_position, item_position, order_position, completed_position,
                        deleted_position
                    ) < least($1, (
                        select coalesce(max(position), 0) from positions_seen where seen_at < $2
                    ) + 1)
                "#,
                reach.get(),
                time
            );
            Ok(removed.execute(connection).await?.rows_affected())
        });
        removed.await.map_err(StoreError::Retain)
    }

    /// Runs `work` in a transaction, and leaves nothing on the connection that a pooler would give to the
    /// next client.
    pub(crate) async fn run<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, Cause> {
        let done = async {
            let mut transaction = self.connection.begin_with(BEGIN).await?;
            let done = work(&mut transaction).await?;
            transaction.clear_cached_statements().await?;
            transaction.commit().await?;
            Ok::<_, sqlx::Error>(done)
        };
        match timeout(LIMIT, done).await {
            Ok(done) => done.map_err(|error| Cause::from(error).of_owner()),
            Err(_) => Err(Reason::Overdue.into()),
        }
    }
}
