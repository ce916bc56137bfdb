//! An item as it is shown.

use events::ItemId;
use store::Item;
use uuid::Uuid;

/// The distance to its neighbour at which an item is put at either end of a list. A new item comes after all
/// others, since its order is the time (in seconds) at which it was stored.
const STEP: f64 = 0.001;

/// An item as it is shown.
pub(super) struct Row {
    pub(super) id: ItemId,
    pub(super) text: String,
    pub(super) completed: bool,
    /// Its place in the list.
    pub(super) order: f64,
    pub(super) version: i64,
    /// The orders that move it up and down by one.
    pub(super) up: f64,
    pub(super) down: f64,
    /// True if the visitor just added or changed it.
    pub(super) fresh: bool,
}

/// The rows for these items, one of which was just `touched`.
pub(super) fn rows(items: Vec<Item>, touched: Option<ItemId>) -> Vec<Row> {
    let places: Vec<f64> = items.iter().map(|item| item.order.get()).collect();
    // The first one stays in front and the last one at the end.
    let place = |at: usize, by: usize| places.get(at.checked_sub(by)?).copied();
    let row = |(at, item): (usize, Item)| Row {
        id: item.id,
        text: item.item.into(),
        completed: item.completed,
        order: item.order.get(),
        version: item.version,
        up: between(place(at, 2), place(at, 1).or(place(at, 0))),
        down: between(
            places.get(at + 1).or(places.get(at)).copied(),
            places.get(at + 2).copied(),
        ),
        fresh: touched == Some(item.id),
    };
    items.into_iter().enumerate().map(row).collect()
}

/// A place between two others, or before the first, or after the last.
fn between(before: Option<f64>, after: Option<f64>) -> f64 {
    match (before, after) {
        (Some(before), Some(after)) => before.midpoint(after),
        (Some(last), None) => last + STEP,
        (None, Some(first)) => first - STEP,
        (None, None) => 0.0,
    }
}

impl Row {
    /// A row without an item.
    pub(super) fn blank() -> Self {
        Self {
            id: Uuid::nil().into(),
            text: String::new(),
            completed: false,
            order: 0.0,
            version: 0,
            up: 0.0,
            down: 0.0,
            fresh: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::between;

    #[test]
    #[expect(clippy::float_cmp, reason = "these have an exact form")]
    fn a_place_is_between_its_neighbours() {
        assert_eq!(between(Some(1.0), Some(2.0)), 1.5);
        assert!(between(Some(1.0), None) > 1.0);
        assert!(between(None, Some(1.0)) < 1.0);
    }
}
