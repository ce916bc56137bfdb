//! The list that a subscriber shows, as the page's script keeps it up to date.

use std::collections::BTreeMap;
use std::time::Duration;

use uuid::Uuid;

use super::fresh::Fresh;
use crate::model::State;
use crate::tables::Shown;

/// A list on a screen.
#[derive(Debug, Default)]
pub(crate) struct View {
    pub(crate) list: &'static str,
    /// The items in the order in which they are shown.
    pub(crate) rows: Vec<Shown>,
    /// The least `order` from which on all items are shown.
    pub(crate) floor: f64,
    /// The time of each item's first appearance, from the start of the load.
    pub(crate) first: BTreeMap<Uuid, Duration>,
    /// Events that should not have come.
    pub(crate) strange: Vec<String>,
    is_whole: bool,
    last: Option<u64>,
    /// The newest version received of each item, including deleted ones.
    versions: BTreeMap<Uuid, i64>,
    /// Set when a fresh state is needed.
    is_stale: bool,
    /// States received while a fresh state is being fetched, which may be newer than that.
    meanwhile: Option<Vec<State>>,
}

impl View {
    /// Returns an empty list.
    pub(super) fn new(list: &'static str, is_whole: bool) -> Self {
        Self {
            list,
            is_whole,
            is_stale: true,
            ..Self::default()
        }
    }

    /// Returns the sequence that the shown state is not older than.
    pub(super) fn last(&self) -> Option<u64> {
        self.last
    }

    pub(super) fn has_heard(&self, last: u64) -> bool {
        !self.is_stale && self.meanwhile.is_none() && self.last.unwrap_or_default() >= last
    }

    /// Applies a saved state, and returns whether a fresh state is needed.
    pub(super) fn hear(&mut self, id: u64, state: State, now: Duration) -> bool {
        if self.last.is_some_and(|last| id <= last) {
            return false;
        }
        self.last = Some(id);
        // Savers may publish states out of order.
        let known = self.versions.entry(state.id).or_default();
        if state.version <= *known {
            return false;
        }
        *known = state.version;
        self.meanwhile
            .iter_mut()
            .for_each(|it| it.push(state.clone()));
        self.show(state, now)
    }

    pub(super) fn reset(&mut self, id: u64) -> bool {
        self.last = Some(id);
        self.is_stale = true;
        true
    }

    pub(super) fn wonder(&mut self, what: String) -> bool {
        self.strange.push(what);
        false
    }

    /// Begins to fetch a fresh state.
    pub(super) fn ask(&mut self) {
        self.is_stale = false;
        self.meanwhile = Some(Vec::new());
    }

    /// Shows the fetched state, or `None` if that failed; returns whether another one is needed.
    pub(super) fn take(&mut self, fresh: Option<Fresh>, now: Duration) -> bool {
        let meanwhile = self.meanwhile.take().unwrap_or_default();
        let Some(fresh) = fresh else {
            self.is_stale = true;
            return false;
        };
        self.last = self.last.or(fresh.after);
        (self.rows, self.floor) = (fresh.rows, fresh.floor);
        for row in &self.rows {
            self.first.entry(row.id).or_insert(now);
        }
        for state in meanwhile {
            self.show(state, now);
        }
        self.is_stale
    }

    fn show(&mut self, state: State, now: Duration) -> bool {
        let old = self.rows.iter().position(|row| row.id == state.id);
        if old.is_some_and(|at| self.rows[at].version >= state.version) {
            return false;
        }
        if old.is_none() && !state.deleted && state.version > 1 && !self.is_whole {
            // It may be an item before the part of the list that is shown.
            self.is_stale = true;
            return true;
        }
        if let Some(old) = old {
            self.rows.remove(old);
        }
        if !state.deleted {
            self.first.entry(state.id).or_insert(now);
            let after = self.rows.iter().position(|row| row.order > state.order);
            self.rows
                .insert(after.unwrap_or(self.rows.len()), state.into());
        }
        false
    }
}

impl From<State> for Shown {
    fn from(state: State) -> Self {
        Self {
            id: state.id,
            item: state.item,
            completed: state.completed,
            order: state.order,
            version: state.version,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(id: u128, version: i64, deleted: bool) -> State {
        State {
            id: Uuid::from_u128(id),
            version,
            list: "default".to_owned(),
            item: format!("text {version}"),
            order: 1.0,
            completed: false,
            deleted,
        }
    }

    fn fresh(states: &[State]) -> Fresh {
        Fresh {
            rows: states.iter().cloned().map(Shown::from).collect(),
            floor: f64::NEG_INFINITY,
            after: None,
        }
    }

    const NOW: Duration = Duration::ZERO;

    #[test]
    fn what_is_heard_while_a_fresh_state_is_on_its_way_is_shown_after_it() {
        let mut view = View::new("default", true);
        view.hear(1, state(1, 1, false), NOW);
        view.hear(2, state(2, 1, false), NOW);
        view.ask();
        view.hear(3, state(1, 2, false), NOW);
        view.hear(4, state(2, 2, true), NOW);
        view.hear(5, state(3, 1, false), NOW);
        view.take(Some(fresh(&[state(1, 1, false), state(2, 1, false)])), NOW);
        assert_eq!(
            view.rows,
            [state(1, 2, false).into(), state(3, 1, false).into()]
        );
        assert!(view.has_heard(5) && !view.has_heard(6));
    }

    #[test]
    fn a_state_that_was_overtaken_is_not_shown_even_if_the_item_is_gone() {
        let mut view = View::new("default", true);
        view.hear(1, state(1, 2, true), NOW);
        view.hear(2, state(1, 1, false), NOW);
        assert_eq!(view.rows, []);
    }
}
