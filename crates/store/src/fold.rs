//! Folding of events into one row per item, before the database sees them.
//!
//! An item is a set of last-writer-wins registers, each with the position of the event that last wrote it. An
//! event writes only where its position is later (for the creation of an item: earlier, since the first one
//! counts). So neither the order of events, nor repetition, nor batching matters; the statement in
//! `items/apply.rs` continues with the same rule against the row. Folding first makes one row per item, which
//! `on conflict` needs.

use std::collections::BTreeMap;

use events::{ItemAdded, ItemEvent, ItemId, ItemText, Order, Position};

/// The registers of one item after some events; none where no event wrote.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Registers<'a> {
    /// The event that added it, of several the first.
    pub(crate) created: Option<Written<&'a ItemAdded>>,
    pub(crate) item: Option<Written<&'a ItemText>>,
    pub(crate) order: Option<Written<Order>>,
    pub(crate) completed: Option<Written<bool>>,
    pub(crate) deleted: Option<Written<bool>>,
}

/// A value and the event that wrote it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Written<T> {
    pub(crate) at: Position,
    pub(crate) value: T,
}

/// Folds events into the registers of their items. The items are in the order of their identifiers: if all
/// members lock rows in one order, no two deadlock.
pub(crate) fn fold<'a>(
    events: impl IntoIterator<Item = (&'a ItemEvent, Position)>,
) -> BTreeMap<ItemId, Registers<'a>> {
    let mut items = BTreeMap::<_, Registers<'_>>::new();
    for (event, at) in events {
        items.entry(event.item_id()).or_default().write(event, at);
    }
    items
}

impl<'a> Registers<'a> {
    fn write(&mut self, event: &'a ItemEvent, at: Position) {
        match event {
            ItemEvent::Added(added) => first(&mut self.created, at, added),
            ItemEvent::Renamed(renamed) => latest(&mut self.item, at, &renamed.item),
            ItemEvent::Moved(moved) => latest(&mut self.order, at, moved.order),
            ItemEvent::Completed(_) => latest(&mut self.completed, at, true),
            ItemEvent::Reopened(_) => latest(&mut self.completed, at, false),
            ItemEvent::Deleted(_) => latest(&mut self.deleted, at, true),
            ItemEvent::Restored(_) => latest(&mut self.deleted, at, false),
        }
    }

    /// The text: the latest that it was given, else the one that it was added with.
    pub(crate) fn text(&self) -> Option<&'a ItemText> {
        let added = self.created.map(|created| &created.value.item);
        self.item.map(|item| item.value).or(added)
    }

    /// The place in the list: the latest that it was moved to, else the first.
    pub(crate) fn place(&self) -> Option<Order> {
        let added = self.created.map(|created| created.value.order);
        self.order.map(|order| order.value).or(added)
    }
}

fn latest<T>(register: &mut Option<Written<T>>, at: Position, value: T) {
    if register.as_ref().is_none_or(|written| written.at < at) {
        *register = Some(Written { at, value });
    }
}

fn first<T>(register: &mut Option<Written<T>>, at: Position, value: T) {
    if register.as_ref().is_none_or(|written| at < written.at) {
        *register = Some(Written { at, value });
    }
}

#[cfg(test)]
mod tests {
    use events::{ItemCompleted, ItemMoved, ItemRenamed, ItemReopened, StreamIdentity};
    use proptest::{collection::vec, prelude::*, sample::Index};
    use time::OffsetDateTime;
    use uuid::Uuid;

    use super::*;

    fn id(number: u8) -> ItemId {
        Uuid::from_u128(number.into()).into()
    }

    fn at(sequence: u64) -> Position {
        StreamIdentity::new("TODO", OffsetDateTime::UNIX_EPOCH).position(sequence)
    }

    fn added(item: u8, text: &str, order: f64) -> ItemEvent {
        ItemEvent::Added(ItemAdded {
            id: id(item),
            list: "default".parse().unwrap(),
            item: text.parse().unwrap(),
            order: order.try_into().unwrap(),
            added_at: OffsetDateTime::UNIX_EPOCH,
        })
    }

    fn event(kind: u8, item: u8, detail: u8) -> ItemEvent {
        let text = format!("text {detail}");
        match kind {
            0 => added(item, &text, detail.into()),
            1 => ItemEvent::Renamed(ItemRenamed {
                id: id(item),
                item: text.parse().unwrap(),
            }),
            2 => ItemEvent::Moved(ItemMoved {
                id: id(item),
                order: f64::from(detail).try_into().unwrap(),
            }),
            3 => ItemEvent::Completed(ItemCompleted { id: id(item) }),
            4 => ItemEvent::Reopened(ItemReopened { id: id(item) }),
            5 => ItemEvent::Deleted(events::ItemDeleted { id: id(item) }),
            _ => ItemEvent::Restored(events::ItemRestored { id: id(item) }),
        }
    }

    #[test]
    fn of_two_events_that_add_an_item_the_first_counts() {
        let (early, late) = (added(1, "early", 1.0), added(1, "late", 2.0));
        for events in [
            [(&early, at(1)), (&late, at(2))],
            [(&late, at(2)), (&early, at(1))],
        ] {
            let registers = &fold(events)[&id(1)];
            assert_eq!(registers.text().unwrap().as_str(), "early");
            assert_eq!(registers.place().map(Order::get), Some(1.0));
        }
    }

    #[test]
    fn a_new_text_stands_even_if_it_is_older_than_the_item() {
        let (renamed, added) = (event(1, 1, 7), added(1, "first", 1.0));
        let registers = &fold([(&renamed, at(1)), (&added, at(2))])[&id(1)];
        assert_eq!(registers.text().unwrap().as_str(), "text 7");
    }

    #[test]
    fn items_come_out_in_the_order_of_their_identifiers() {
        let events = [event(0, 3, 0), event(3, 1, 0), event(5, 2, 0)];
        let positions = (1..).map(at);
        let folded = fold(events.iter().zip(positions));
        assert!(folded.keys().copied().eq([id(1), id(2), id(3)]));
    }

    proptest! {
        #[test]
        fn neither_order_nor_repetition_matters(
            stream in vec((0..7u8, 0..3u8, any::<u8>()), 0..30),
            repeated in vec(any::<Index>(), 0..10),
            shuffle in any::<u64>(),
        ) {
            let stream: Vec<_> = stream.iter().map(|&(kind, item, detail)| event(kind, item, detail)).collect();
            let in_order: Vec<_> = stream.iter().zip((1..).map(at)).collect();
            let mut delivered = in_order.clone();
            if !in_order.is_empty() {
                delivered.extend(repeated.iter().map(|index| *index.get(&in_order)));
            }
            delivered.sort_by_key(|(_, at)| Uuid::new_v5(&Uuid::from_u128(shuffle.into()), &at.get().to_be_bytes()));
            prop_assert_eq!(fold(delivered), fold(in_order));
        }
    }
}
