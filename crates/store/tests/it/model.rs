//! Model of the table: events applied one by one, in the order of the stream. It has no positions, batches or
//! rows.

use std::collections::BTreeMap;

use events::{ItemAdded, ItemEvent, ItemId, ItemText, Order};
use store::ItemState;

#[derive(Default)]
struct Known {
    added: Option<ItemAdded>,
    text: Option<ItemText>,
    order: Option<Order>,
    completed: bool,
    deleted: bool,
}

/// The state of each item that any event speaks of; none for those that were never added.
pub(crate) fn play<'a>(
    stream: impl IntoIterator<Item = &'a ItemEvent>,
) -> BTreeMap<ItemId, Option<ItemState>> {
    let mut items = BTreeMap::<_, Known>::new();
    for event in stream {
        let known = items.entry(event.item_id()).or_default();
        match event {
            ItemEvent::Added(event) if known.added.is_none() => known.added = Some(event.clone()),
            ItemEvent::Added(_) => {}
            ItemEvent::Renamed(event) => known.text = Some(event.item.clone()),
            ItemEvent::Moved(event) => known.order = Some(event.order),
            ItemEvent::Completed(_) => known.completed = true,
            ItemEvent::Reopened(_) => known.completed = false,
            ItemEvent::Deleted(_) => known.deleted = true,
            ItemEvent::Restored(_) => known.deleted = false,
        }
    }
    items
        .into_iter()
        .map(|(id, known)| (id, known.state()))
        .collect()
}

impl Known {
    fn state(self) -> Option<ItemState> {
        let added = self.added?;
        Some(ItemState {
            list: added.list,
            item: self.text.unwrap_or(added.item),
            completed: self.completed,
            order: self.order.unwrap_or(added.order),
            deleted: self.deleted,
            added_at: added.added_at,
        })
    }
}
