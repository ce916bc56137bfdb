//! Conversion of rows into validated values.

use events::{ItemText, ListName, Order};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    Item, ItemState, Saved,
    error::{Cause, Reason},
};

/// A visible row.
pub(super) struct ItemRow {
    pub(super) item_id: Uuid,
    pub(super) list: String,
    pub(super) item: String,
    pub(super) completed: bool,
    pub(super) order: f64,
    pub(super) added_at: OffsetDateTime,
    pub(super) version: i64,
}

impl TryFrom<ItemRow> for Item {
    type Error = Cause;

    fn try_from(row: ItemRow) -> Result<Self, Cause> {
        Ok(Self {
            id: row.item_id.into(),
            list: list(row.list)?,
            item: text(row.item)?,
            completed: row.completed,
            order: order(row.order)?,
            added_at: row.added_at,
            version: row.version,
        })
    }
}

/// A row that was written.
pub(super) struct SavedRow {
    pub(super) item_id: Uuid,
    pub(super) list: Option<String>,
    pub(super) item: Option<String>,
    pub(super) completed: bool,
    pub(super) order: Option<f64>,
    pub(super) deleted: bool,
    pub(super) added_at: Option<OffsetDateTime>,
    pub(super) version: i64,
    pub(super) changed: bool,
}

impl TryFrom<SavedRow> for Saved {
    type Error = Cause;

    fn try_from(row: SavedRow) -> Result<Self, Cause> {
        // The list and the time of adding, and with them a text and a place, are set once the event that adds
        // the item is saved; constraints of the table ensure that.
        let state = match (row.list, row.item, row.order, row.added_at) {
            (Some(name), Some(item), Some(place), Some(added_at)) => Some(ItemState {
                list: list(name)?,
                item: text(item)?,
                completed: row.completed,
                order: order(place)?,
                deleted: row.deleted,
                added_at,
            }),
            _ => None,
        };
        Ok(Self {
            id: row.item_id.into(),
            version: row.version,
            changed: row.changed,
            state,
        })
    }
}

pub(super) fn list(name: String) -> Result<ListName, Cause> {
    ListName::stored(name).map_err(|_| Reason::Stored("list").into())
}

fn text(item: String) -> Result<ItemText, Cause> {
    ItemText::stored(item).map_err(|_| Reason::Stored("item").into())
}

fn order(place: f64) -> Result<Order, Cause> {
    place.try_into().map_err(|_| Reason::Stored("order").into())
}
