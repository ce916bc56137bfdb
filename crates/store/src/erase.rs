//! Erasing the texts of an item for good.

use events::{ItemId, Position};

use crate::{Owner, StoreError};

/// Outcome of erasing the text of an item's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemErasure {
    /// The item is visible, so nothing was erased: it has to be deleted first.
    Visible,
    /// The text is gone now.
    Erased,
    /// It was gone already.
    AlreadyErased,
    /// There is no such row.
    Unknown,
}

impl Owner {
    /// Returns what [`Owner::erase_item`] would find. Changes nothing.
    pub async fn erasable(&mut self, item: ItemId) -> Result<ItemErasure, StoreError> {
        let found = self.run(async |connection| {
            sqlx::query_scalar!(
                r#"
                select case
                    when created_position is not null and not deleted then 'visible'
                    when item = '(erased)' then 'already'
                    else 'erased'
                end as "found!"
                from items
                where item_id = $1
                "#,
                item.uuid()
            )
            .fetch_optional(connection)
            .await
        });
        let found = found.await.map_err(StoreError::Erase)?;
        Ok(match found.as_deref() {
            None => ItemErasure::Unknown,
            Some("visible") => ItemErasure::Visible,
            Some("already") => ItemErasure::AlreadyErased,
            Some(_) => ItemErasure::Erased,
        })
    }

    /// Replaces the text of a deleted item by `(erased)`, as an event at the position `at` would: no event
    /// before it that is delivered late, such as a redelivery, brings the text or the item back.
    pub async fn erase_item(
        &mut self,
        item: ItemId,
        at: Position,
    ) -> Result<ItemErasure, StoreError> {
        let erased = self.run(async |connection| {
            let erased = sqlx::query!(
                r#"
                update items
                set item = '(erased)',
                    item_position = greatest(item_position, $2),
                    deleted = true,
                    deleted_position = greatest(deleted_position, $2),
                    version = version + 1
                where item_id = $1
                    and (deleted or created_position is null)
                    and item is distinct from '(erased)'
                "#,
                item.uuid(),
                at.get()
            );
            Ok(erased.execute(connection).await?.rows_affected())
        });
        match erased.await.map_err(StoreError::Erase)? {
            0 => self.erasable(item).await,
            _ => Ok(ItemErasure::Erased),
        }
    }

    /// Erases the texts of an item from the audit log, and returns the number of events changed. That they
    /// happened, when and to which item, stays: the body keeps the identifier of the item.
    pub async fn erase_audit(&mut self, item: ItemId) -> Result<u64, StoreError> {
        let id = item.uuid().to_string();
        let left = format!(r#"{{"id":"{id}"}}"#);
        let erased = self.run(async |connection| {
            let known = sqlx::query!(
                "update audit.events set payload = $2 where item_id = $1 and payload <> $2",
                item.uuid(),
                left.as_bytes()
            );
            let known = known.execute(&mut *connection).await?.rows_affected();
            // Events that could not be decoded, and those of early releases, whose item the audit does not
            // name.
            let others = sqlx::query!(
                r#"
                update audit.events
                set payload = $2
                where item_id is null
                    and (event_id = $1 or position($1 in lower(encode(payload, 'escape'))) > 0)
                    and payload <> $2
                "#,
                id,
                left.as_bytes()
            );
            Ok(known + others.execute(connection).await?.rows_affected())
        });
        erased.await.map_err(StoreError::Erase)
    }
}
