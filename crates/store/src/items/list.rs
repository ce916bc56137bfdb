//! A list, page by page.

use events::ListName;
use uuid::Uuid;

use super::{ItemStore, row::ItemRow};
use crate::{Cursor, Item, Page, StoreError, error::Cause};

impl ItemStore {
    /// Returns at most `limit` items of `list` (but at least one, if there is any) after the cursor `after`,
    /// or from the start of the list: in its order, where new items are last.
    pub async fn list(
        &self,
        list: &ListName,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page, StoreError> {
        // The start is a position before every other. A statement with a condition on whether there is a
        // cursor could not use the index to find its start.
        let (order, id) = after.map_or((f64::NEG_INFINITY, Uuid::nil()), |cursor| {
            (cursor.order.get(), cursor.id.uuid())
        });
        let limit = limit.max(1);
        let query = sqlx::query_as!(
            ItemRow,
            r#"
            select item_id, list as "list!", item as "item!", completed, "order" as "order!",
                added_at as "added_at!", version
            from items
            where list = $1 and ("order", item_id) > ($2, $3)
                and created_position is not null and not deleted
            order by "order", item_id
            limit $4
            "#,
            list.as_str(),
            order,
            id,
            // One more than asked for tells whether there is a next page.
            i64::from(limit) + 1,
        );
        self.0
            .run("list", async |connection| query.fetch_all(connection).await)
            .await
            .and_then(|rows| page(rows, limit))
            .map_err(StoreError::List)
    }
}

fn page(rows: Vec<ItemRow>, limit: u32) -> Result<Page, Cause> {
    let mut items = rows
        .into_iter()
        .map(Item::try_from)
        .collect::<Result<Vec<_>, _>>()?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(Cursor::after);
    Ok(Page { items, next })
}
