//! One item.

use events::ItemId;

use super::{ItemStore, row::ItemRow};
use crate::{Item, StoreError};

impl ItemStore {
    /// Returns the item `id`; none if it was never added, is not saved yet, or is deleted.
    pub async fn get(&self, id: ItemId) -> Result<Option<Item>, StoreError> {
        let query = sqlx::query_as!(
            ItemRow,
            r#"
            select item_id, list as "list!", item as "item!", completed, "order" as "order!",
                added_at as "added_at!", version
            from items
            where item_id = $1 and created_position is not null and not deleted
            "#,
            id.uuid(),
        );
        self.0
            .run("get", async |connection| {
                query.fetch_optional(connection).await
            })
            .await
            .and_then(|row| row.map(Item::try_from).transpose())
            .map_err(StoreError::Get)
    }

    /// Returns the text of an item, also of a deleted one; none if it was never added or is not saved yet.
    pub async fn text(&self, id: ItemId) -> Result<Option<String>, StoreError> {
        let query = sqlx::query_scalar!("select item from items where item_id = $1", id.uuid());
        let found = self.0.run("text", async |connection| {
            query.fetch_optional(connection).await
        });
        Ok(found.await.map_err(StoreError::Get)?.flatten())
    }
}
