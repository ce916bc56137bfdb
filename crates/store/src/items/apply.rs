//! The one statement that writes items.

use std::collections::BTreeMap;

use events::{ItemEvent, ItemId, ItemText, Order, Position};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{ItemStore, row::SavedRow};
use crate::{
    Saved, StoreError,
    error::Cause,
    fold::{Registers, fold},
    utc::in_utc,
};

impl ItemStore {
    /// Applies events to their items, all or none, and returns the items after that, in the order of their
    /// identifiers.
    ///
    /// Events may come in any order and more than once, within a call and over several. An item whose events
    /// had all been applied before is returned too, as not changed, so that a caller that was interrupted
    /// after this call can continue as if it had just returned.
    ///
    /// Fails as [`crate::ErrorKind::Rejected`] if the database rejects any one event.
    pub async fn apply<'a>(
        &self,
        events: impl IntoIterator<Item = (&'a ItemEvent, Position)>,
    ) -> Result<Vec<Saved>, StoreError> {
        let items = fold(events);
        if items.is_empty() {
            return Ok(Vec::new());
        }
        let columns = Columns::new(&items).map_err(StoreError::Apply)?;
        let rows = self
            .0
            .run("apply", async |connection| columns.upsert(connection).await)
            .await
            .map_err(StoreError::Apply)?;
        let saved: Result<Vec<_>, _> = rows.into_iter().map(Saved::try_from).collect();
        let mut saved = saved.map_err(StoreError::Apply)?;
        saved.sort_unstable_by_key(|saved| saved.id);
        Ok(saved)
    }
}

/// The folded items as one array per column, for `unnest`.
#[derive(Default)]
struct Columns<'a> {
    item_id: Vec<Uuid>,
    created_position: Vec<Option<i64>>,
    list: Vec<Option<&'a str>>,
    added_at: Vec<Option<OffsetDateTime>>,
    item: Vec<Option<&'a str>>,
    item_position: Vec<Option<i64>>,
    order: Vec<Option<f64>>,
    order_position: Vec<Option<i64>>,
    completed: Vec<bool>,
    completed_position: Vec<Option<i64>>,
    deleted: Vec<bool>,
    deleted_position: Vec<Option<i64>>,
}

impl<'a> Columns<'a> {
    fn new(items: &BTreeMap<ItemId, Registers<'a>>) -> Result<Self, Cause> {
        let mut columns = Self::default();
        for (id, registers) in items {
            columns.push(*id, registers)?;
        }
        Ok(columns)
    }

    fn push(&mut self, id: ItemId, row: &Registers<'a>) -> Result<(), Cause> {
        let created = row.created.map(|created| created.value);
        let added_at = created.map(|added| in_utc(added.added_at)).transpose()?;
        self.item_id.push(id.uuid());
        self.created_position
            .push(row.created.map(|it| it.at.get()));
        self.list.push(created.map(|added| added.list.as_str()));
        self.added_at.push(added_at);
        self.item.push(row.text().map(ItemText::as_str));
        self.item_position.push(row.item.map(|it| it.at.get()));
        self.order.push(row.place().map(Order::get));
        self.order_position.push(row.order.map(|it| it.at.get()));
        self.completed
            .push(row.completed.is_some_and(|it| it.value));
        self.completed_position
            .push(row.completed.map(|it| it.at.get()));
        self.deleted.push(row.deleted.is_some_and(|it| it.value));
        self.deleted_position
            .push(row.deleted.map(|it| it.at.get()));
        Ok(())
    }

    /// Checks that all arrays have one length: `unnest` would fill up shorter ones with nulls, and write
    /// wrong rows.
    fn assert_even(&self) {
        let lengths = [
            self.created_position.len(),
            self.list.len(),
            self.added_at.len(),
            self.item.len(),
            self.item_position.len(),
            self.order.len(),
            self.order_position.len(),
            self.completed.len(),
            self.completed_position.len(),
            self.deleted.len(),
            self.deleted_position.len(),
        ];
        assert!(lengths.iter().all(|length| *length == self.item_id.len()));
    }

    /// Inserts new rows, and keeps in each register of an existing row the value with the later position, or
    /// for the creation of an item, the earlier.
    ///
    /// The comparisons see each row under its lock, so two members on one item are serialized here, whatever
    /// snapshot their statements have. A row in which nothing changes is written all the same, since
    /// `returning` returns only rows that were written; that happens after a redelivery, which is rare.
    /// `coalesce` handles positions that may be null on either side: a register that was never written yields
    /// to any event, and a missing event yields to the register. The arrays are unnested in the select list,
    /// since in `from` each would be materialized first, which makes a batch a tenth slower.
    async fn upsert(&self, connection: &mut PgConnection) -> Result<Vec<SavedRow>, sqlx::Error> {
        self.assert_even();
        sqlx::query_as!(
            SavedRow,
            r#"
            insert into items as saved (
                item_id, created_position, list, added_at, item, item_position, "order",
                order_position, completed, completed_position, deleted, deleted_position,
                version, changed
            )
            select
                unnest($1::uuid[]), unnest($2::bigint[]), unnest($3::text[]),
                unnest($4::timestamptz[]), unnest($5::text[]), unnest($6::bigint[]),
                unnest($7::float8[]), unnest($8::bigint[]), unnest($9::bool[]),
                unnest($10::bigint[]), unnest($11::bool[]), unnest($12::bigint[]),
                1, true
            on conflict (item_id) do update set (
                created_position, list, added_at, item, item_position, "order",
                order_position, completed, completed_position, deleted, deleted_position,
                version, changed
            ) = (
                select
                    least(saved.created_position, excluded.created_position),
                    case when newer.created then excluded.list else saved.list end,
                    case when newer.created then excluded.added_at else saved.added_at end,
                    case when newer.item or (newer.created and saved.item_position is null)
                        then excluded.item else saved.item end,
                    greatest(saved.item_position, excluded.item_position),
                    case when newer."order" or (newer.created and saved.order_position is null)
                        then excluded."order" else saved."order" end,
                    greatest(saved.order_position, excluded.order_position),
                    case when newer.completed then excluded.completed else saved.completed end,
                    greatest(saved.completed_position, excluded.completed_position),
                    case when newer.deleted then excluded.deleted else saved.deleted end,
                    greatest(saved.deleted_position, excluded.deleted_position),
                    saved.version + newer.changed::int,
                    newer.changed
                from (
                    select *, created or item or "order" or completed or deleted as changed
                    from (
                        select
                            coalesce(excluded.created_position < saved.created_position,
                                excluded.created_position is not null) as created,
                            coalesce(excluded.item_position > saved.item_position,
                                excluded.item_position is not null) as item,
                            coalesce(excluded.order_position > saved.order_position,
                                excluded.order_position is not null) as "order",
                            coalesce(excluded.completed_position > saved.completed_position,
                                excluded.completed_position is not null) as completed,
                            coalesce(excluded.deleted_position > saved.deleted_position,
                                excluded.deleted_position is not null) as deleted
                    ) as register
                ) as newer
            )
            returning item_id, list, item, completed, "order", deleted, added_at, version, changed
            "#,
            &self.item_id,
            &self.created_position as &[Option<i64>],
            &self.list as &[Option<&str>],
            &self.added_at as &[Option<OffsetDateTime>],
            &self.item as &[Option<&str>],
            &self.item_position as &[Option<i64>],
            &self.order as &[Option<f64>],
            &self.order_position as &[Option<i64>],
            &self.completed,
            &self.completed_position as &[Option<i64>],
            &self.deleted,
            &self.deleted_position as &[Option<i64>],
        )
        .fetch_all(connection)
        .await
    }
}
