//! What the store tells about items. None of these goes over a wire as it is.

use events::{EventId, ItemId, ItemSaved, ItemText, ListName, Order};
use time::OffsetDateTime;

use crate::Cursor;

/// An item that can be seen: it was added, and it is not deleted.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Its identifier.
    pub id: ItemId,
    /// Its list.
    pub list: ListName,
    /// What there is to do.
    pub item: ItemText,
    /// Whether it is done.
    pub completed: bool,
    /// Its place in the list, smaller first.
    pub order: Order,
    /// When it was added.
    pub added_at: OffsetDateTime,
    /// How many saves have changed it.
    pub version: i64,
}

/// What is known of an item that cannot be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// Nothing: no event about it has been saved.
    Unknown,
    /// The event that adds it is still to come: one that came after it has been saved already.
    Announced,
    /// It is gone for good.
    Deleted,
}

/// A part of a list, in the list's order.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The items.
    pub items: Vec<Item>,
    /// Where the next page begins, if there is one.
    pub next: Option<Cursor>,
}

/// How much there is in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// How many items can be seen.
    pub total: i64,
    /// How many of those are done.
    pub completed: i64,
}

/// Some of the lists, in the order of their names' bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Lists {
    /// The lists.
    pub lists: Vec<ListCounts>,
    /// After which name the next ones come, if there are any.
    pub next: Option<ListName>,
}

/// A list that has items which can be seen.
#[derive(Clone, Debug, PartialEq)]
pub struct ListCounts {
    /// Its name.
    pub name: ListName,
    /// How much there is in it; none if that is too much to be counted.
    pub counts: Option<Counts>,
}

/// An item that events were applied to, as it is after that.
#[derive(Clone, Debug, PartialEq)]
pub struct Saved {
    /// Its identifier.
    pub id: ItemId,
    /// How many saves have changed it, this one included.
    pub version: i64,
    /// Whether this save changed it. If not, its events had been applied before, or newer ones.
    pub changed: bool,
    /// Its whole state; none while the event that added it is still to come.
    pub state: Option<ItemState>,
}

/// An item's whole state.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemState {
    /// Its list.
    pub list: ListName,
    /// What there is to do.
    pub item: ItemText,
    /// Whether it is done.
    pub completed: bool,
    /// Its place in the list, smaller first.
    pub order: Order,
    /// Whether it is gone.
    pub deleted: bool,
    /// When it was added.
    pub added_at: OffsetDateTime,
}

impl Saved {
    /// The event that tells of this save, which `cause` brought about; none while the item is
    /// hidden, since there is nothing to tell yet.
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
