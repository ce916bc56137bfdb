//! Results of the store about items. None of these is sent over a wire as it is.

use events::{EventId, ItemId, ItemSaved, ItemText, ListName, Order};
use time::OffsetDateTime;

use crate::Cursor;

/// A visible item: it was added, and is not deleted.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Its identifier.
    pub id: ItemId,
    /// Its list.
    pub list: ListName,
    /// Its text.
    pub item: ItemText,
    /// True if it is completed.
    pub completed: bool,
    /// Its place in the list, smaller first.
    pub order: Order,
    /// Time at which it was added.
    pub added_at: OffsetDateTime,
    /// Number of saves that have changed it.
    pub version: i64,
}

/// State of an item that is not visible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// No event about it has been saved.
    Unknown,
    /// A later event has been saved, but the event that adds it has not.
    Announced,
    /// It was deleted.
    Deleted,
}

/// A part of a list, in the list's order.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The items.
    pub items: Vec<Item>,
    /// Cursor of the next page, if there is one.
    pub next: Option<Cursor>,
}

/// Numbers of items in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Visible items.
    pub total: i64,
    /// Completed items among them.
    pub completed: i64,
}

/// Some of the lists, in the order of their names' bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Lists {
    /// The lists.
    pub lists: Vec<ListCounts>,
    /// Name after which the next lists come, if there are any.
    pub next: Option<ListName>,
}

/// A list with visible items.
#[derive(Clone, Debug, PartialEq)]
pub struct ListCounts {
    /// Its name.
    pub name: ListName,
    /// Numbers of its items; none if there are too many to count.
    pub counts: Option<Counts>,
}

/// An item after events were applied to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Saved {
    /// Its identifier.
    pub id: ItemId,
    /// Number of saves that have changed it, this one included.
    pub version: i64,
    /// True if this save changed it. If not, its events had been applied before, or newer ones.
    pub changed: bool,
    /// Its whole state; none while the event that adds it is not saved.
    pub state: Option<ItemState>,
}

/// An item's whole state.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemState {
    /// Its list.
    pub list: ListName,
    /// Its text.
    pub item: ItemText,
    /// True if it is completed.
    pub completed: bool,
    /// Its place in the list, smaller first.
    pub order: Order,
    /// True if it is deleted.
    pub deleted: bool,
    /// Time at which it was added.
    pub added_at: OffsetDateTime,
}

impl Saved {
    /// Turns the save into the event about it, caused by `cause`; none while the item was not added, since
    /// there is nothing to announce yet.
    pub fn into_event(self, cause: EventId) -> Option<ItemSaved> {
        let state = self.state?;
        Some(ItemSaved {
            id: self.id,
            list: state.list,
            item: state.item,
            completed: state.completed,
            order: state.order,
            deleted: state.deleted,
            added_at: state.added_at,
            version: self.version,
            cause,
        })
    }
}
