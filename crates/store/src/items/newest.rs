//! The end of a list.

use events::ListName;

use super::{ItemStore, row::ItemRow};
use crate::{Item, StoreError, error::Cause};

impl ItemStore {
    /// Returns at most `limit` items from the end of `list`, where new items are: in the order of the list,
    /// with the newest last. All of them, or only those with this value of `completed`.
    pub async fn newest(
        &self,
        list: &ListName,
        completed: Option<bool>,
        limit: u32,
    ) -> Result<Vec<Item>, StoreError> {
        let query = sqlx::query_as!(
            ItemRow,
            r#"
            select item_id, list as "list!", item as "item!", completed, "order" as "order!",
                added_at as "added_at!", version
            from items
            where list = $1 and created_position is not null and not deleted
                and ($2::bool is null or completed = $2)
            order by "order" desc, item_id desc
            limit $3
            "#,
            list.as_str(),
            completed,
            i64::from(limit),
        );
        self.0
            .run("newest", async |connection| {
                query.fetch_all(connection).await
            })
            .await
            .and_then(|rows| {
                rows.into_iter()
                    .rev()
                    .map(Item::try_from)
                    .collect::<Result<_, Cause>>()
            })
            .map_err(StoreError::List)
    }
}
