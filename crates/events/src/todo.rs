//! The events, each as it is written on the wire.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use time::OffsetDateTime;

use crate::{EventId, ItemId, ItemText, ListName, Order, schema::Moment};

/// A fact that is published on a subject of its own.
pub trait Event: Serialize + DeserializeOwned + JsonSchema {
    /// The subject that it is published on.
    const SUBJECT: &'static str;
    /// Its name among the event types (CloudEvents attribute `type`).
    const TYPE: &'static str;
}

macro_rules! events {
    ($($name:ident = $subject:literal),* $(,)?) => {
        $(impl Event for $name {
            const SUBJECT: &'static str = $subject;
            const TYPE: &'static str = stringify!($name);
        })*
    };
}

events! {
    NewItem = "events.todo.newitem",
    ItemRenamed = "events.todo.itemrenamed",
    ItemCompleted = "events.todo.itemcompleted",
    ItemReopened = "events.todo.itemreopened",
    ItemMoved = "events.todo.itemmoved",
    ItemDeleted = "events.todo.itemdeleted",
    ItemRestored = "events.todo.itemrestored",
    ItemSaved = "events.todo.itemsaved",
}

/// Somebody wants an item added. Only `item` is required, so that any client can publish one.
///
/// [`ItemAdded`] has every field filled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(
    description = "Somebody wants an item added. Only `item` is required, so that any client can publish one."
)]
pub struct NewItem {
    /// The item's identifier; if missing, it is derived from the stream and the sequence of the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<ItemId>,
    /// Its list; if missing, the default one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<ListName>,
    /// The item's text.
    pub item: ItemText,
    /// The time at which it was added; if missing, the time at which the broker stored the event.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "crate::when::option"
    )]
    #[schemars(with = "Option<Moment>")]
    pub added_at: Option<OffsetDateTime>,
}

/// A [`NewItem`] as the broker stored it, with the fields filled in that its publisher left out.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemAdded {
    /// The item's identifier.
    pub id: ItemId,
    /// Its list.
    pub list: ListName,
    /// The item's text.
    pub item: ItemText,
    /// Its first position in the list.
    pub order: Order,
    /// The time at which it was added.
    pub added_at: OffsetDateTime,
}

/// An item's text changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ItemRenamed {
    /// The item's identifier.
    pub id: ItemId,
    /// Its new text.
    pub item: ItemText,
}

/// An item is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ItemCompleted {
    /// The item's identifier.
    pub id: ItemId,
}

/// An item is not done after all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ItemReopened {
    /// The item's identifier.
    pub id: ItemId,
}

/// An item has another place in its list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ItemMoved {
    /// The item's identifier.
    pub id: ItemId,
    /// Its new place.
    pub order: Order,
}

/// An item is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ItemDeleted {
    /// The item's identifier.
    pub id: ItemId,
}

/// An item is not gone after all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ItemRestored {
    /// The item's identifier.
    pub id: ItemId,
}

/// An item's whole state after it was saved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ItemSaved {
    /// The item's identifier.
    pub id: ItemId,
    /// Its list.
    #[serde(deserialize_with = "ListName::read_stored")]
    pub list: ListName,
    /// Its text.
    #[serde(deserialize_with = "ItemText::read_stored")]
    pub item: ItemText,
    /// True if it is done.
    pub completed: bool,
    /// Its place in the list.
    pub order: Order,
    /// True if it is deleted.
    #[serde(default)]
    pub deleted: bool,
    /// The time at which it was added.
    #[serde(with = "crate::when")]
    #[schemars(with = "Moment")]
    pub added_at: OffsetDateTime,
    /// Counts the changes of this item, from 1. Of two states the one with the greater version is
    /// newer; a state whose version is already known can be dropped.
    pub version: i64,
    /// The event that caused the save.
    pub cause: EventId,
}

/// Any event of an item, except that it was saved.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    missing_docs,
    reason = "each variant is explained at the type that it holds"
)]
pub enum ItemEvent {
    Added(ItemAdded),
    Renamed(ItemRenamed),
    Completed(ItemCompleted),
    Reopened(ItemReopened),
    Moved(ItemMoved),
    Deleted(ItemDeleted),
    Restored(ItemRestored),
}

impl ItemEvent {
    /// Returns the identifier of the item that it happened to.
    pub fn item_id(&self) -> ItemId {
        match self {
            Self::Added(event) => event.id,
            Self::Renamed(event) => event.id,
            Self::Completed(event) => event.id,
            Self::Reopened(event) => event.id,
            Self::Moved(event) => event.id,
            Self::Deleted(event) => event.id,
            Self::Restored(event) => event.id,
        }
    }
}

/// Any event of the product.
#[derive(Clone, Debug, PartialEq)]
pub enum TodoEvent {
    /// Something happened to an item.
    Item(ItemEvent),
    /// An item was saved.
    Saved(ItemSaved),
}
