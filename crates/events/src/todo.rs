//! The events, each as it is written on the wire.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use time::OffsetDateTime;

use crate::{EventId, ItemId, ItemText, ListName, Order, schema::Moment};

/// A fact that is published on a subject of its own.
pub trait Event: Serialize + DeserializeOwned + JsonSchema {
    /// Where it is published.
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
/// [`ItemAdded`] is the same with everything filled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(
    description = "Somebody wants an item added. Only `item` is required, so that any client can publish one."
)]
pub struct NewItem {
    /// The item's identifier; if missing, it follows from where the broker stored the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<ItemId>,
    /// Its list; if missing, the default one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<ListName>,
    /// What there is to do.
    pub item: ItemText,
    /// When it was added; if missing, when the broker stored the event.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "crate::when::option"
    )]
    #[schemars(with = "Option<Moment>")]
    pub added_at: Option<OffsetDateTime>,
}

/// A [`NewItem`] as the broker stored it: whatever its publisher left out is there.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemAdded {
    /// The item's identifier.
    pub id: ItemId,
    /// Its list.
    pub list: ListName,
    /// What there is to do.
    pub item: ItemText,
    /// Its first place in the list.
    pub order: Order,
    /// When it was added.
    pub added_at: OffsetDateTime,
}

/// An item's text changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ItemRenamed {
    /// Which item.
    pub id: ItemId,
    /// Its new text.
    pub item: ItemText,
}

/// An item is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ItemCompleted {
    /// Which item.
    pub id: ItemId,
}

/// An item is not done after all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ItemReopened {
    /// Which item.
    pub id: ItemId,
}

/// An item has another place in its list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ItemMoved {
    /// Which item.
    pub id: ItemId,
    /// Its new place.
    pub order: Order,
}

/// An item is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ItemDeleted {
    /// Which item.
    pub id: ItemId,
}

/// An item is not gone after all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ItemRestored {
    /// Which item.
    pub id: ItemId,
}

/// An item's whole state after it was saved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ItemSaved {
    /// Which item.
    pub id: ItemId,
    /// Its list.
    #[serde(deserialize_with = "ListName::read_stored")]
    pub list: ListName,
    /// Its text.
    #[serde(deserialize_with = "ItemText::read_stored")]
    pub item: ItemText,
    /// Whether it is done.
    pub completed: bool,
    /// Its place in the list.
    pub order: Order,
    /// Whether it is gone.
    #[serde(default)]
    pub deleted: bool,
    /// When it was added.
    #[serde(with = "crate::when")]
    #[schemars(with = "Moment")]
    pub added_at: OffsetDateTime,
    /// Counts the changes of this item, from 1. Of two states the one with the greater version is
    /// newer; a state whose version is already known can be dropped.
    pub version: i64,
    /// The event that caused the save.
    pub cause: EventId,
}

/// Something that happened to an item, other than its being saved.
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
    /// Which item it happened to.
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
