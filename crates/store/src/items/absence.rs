//! Reason why an item is not visible.

use events::ItemId;

use super::ItemStore;
use crate::{Absence, StoreError};

impl ItemStore {
    /// Returns the state of an item that [`ItemStore::get`] did not find.
    pub async fn absence(&self, id: ItemId) -> Result<Absence, StoreError> {
        let query = sqlx::query_scalar!("select deleted from items where item_id = $1", id.uuid());
        let deleted = self.0.run("absence", async |connection| {
            query.fetch_optional(connection).await
        });
        let deleted = deleted.await.map_err(StoreError::Get)?;
        Ok(match deleted {
            None => Absence::Unknown,
            // It may also have been saved between the two queries.
            Some(false) => Absence::Announced,
            Some(true) => Absence::Deleted,
        })
    }
}
