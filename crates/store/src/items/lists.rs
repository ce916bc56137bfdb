//! Names and counts of the lists.

use events::ListName;

use super::{ItemStore, row};
use crate::{Counts, ListCounts, Lists, StoreError, error::Cause};

/// Most items that are counted in each list, in the order of the index, so that the cost of a long list is
/// bounded.
const COUNTED: i64 = 1_000;

struct ListRow {
    list: String,
    total: i64,
    completed: i64,
}

impl ItemStore {
    /// Returns at most `limit` lists with visible items (but at least one, if there is any), in the byte
    /// order of their names, from the first one after `after` on.
    ///
    /// The names are found by a loose index scan, which jumps from each name to the next. Grouping the items
    /// by their list would read all of them.
    pub async fn lists(&self, after: Option<&ListName>, limit: u32) -> Result<Lists, StoreError> {
        let limit = limit.max(1);
        let query = sqlx::query_as!(
            ListRow,
            r#"
            with recursive names (list, place) as (
                (
                    select list, 1::bigint
                    from items
                    where list > $1 and created_position is not null and not deleted
                    order by list
                    limit 1
                )
                union all
                select following.list, names.place + 1
                from names
                cross join lateral (
                    select list
                    from items
                    where list > names.list and created_position is not null and not deleted
                    order by list
                    limit 1
                ) as following
                where names.place < $2
            )
            select names.list as "list!", counted.total as "total!",
                counted.completed as "completed!"
            from names
            cross join lateral (
                select count(*) as total, count(*) filter (where completed) as completed
                from (
                    select completed
                    from items
                    where list = names.list and created_position is not null and not deleted
                    order by "order", item_id
                    limit $3
                ) as few
            ) as counted
            order by names.list
            "#,
            // No name is empty.
            after.map_or("", ListName::as_str),
            // One more than asked for tells whether there are others.
            i64::from(limit) + 1,
            COUNTED + 1,
        );
        self.0
            .run("lists", async |connection| {
                query.fetch_all(connection).await
            })
            .await
            .and_then(|rows| page(rows, limit))
            .map_err(StoreError::Count)
    }
}

fn page(rows: Vec<ListRow>, limit: u32) -> Result<Lists, Cause> {
    let list = |row: ListRow| {
        Ok(ListCounts {
            name: row::list(row.list)?,
            counts: (row.total <= COUNTED).then_some(Counts {
                total: row.total,
                completed: row.completed,
            }),
        })
    };
    let mut lists = rows
        .into_iter()
        .map(list)
        .collect::<Result<Vec<_>, Cause>>()?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = lists.len() > limit;
    lists.truncate(limit);
    let next = lists.last().filter(|_| more).map(|list| list.name.clone());
    Ok(Lists { lists, next })
}
