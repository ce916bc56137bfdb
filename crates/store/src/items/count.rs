//! Counting of the items of a list.

use events::ListName;

use super::ItemStore;
use crate::{Counts, StoreError};

impl ItemStore {
    /// Counts the visible items of `list`, and the completed ones among them.
    pub async fn count(&self, list: &ListName) -> Result<Counts, StoreError> {
        let query = sqlx::query_as!(
            Counts,
            r#"
            select count(*) as "total!", count(*) filter (where completed) as "completed!"
            from items
            where list = $1 and created_position is not null and not deleted
            "#,
            list.as_str(),
        );
        self.0
            .run("count", async |connection| {
                query.fetch_one(connection).await
            })
            .await
            .map_err(StoreError::Count)
    }
}
