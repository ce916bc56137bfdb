//! Checks of the tables and the lists against the stream.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::Check;
use crate::model::{Item, Model, SAVED, State};
use crate::plain::Stored;
use crate::tables::{Row, Shown};

/// Checks that the table equals the result of applying the stream.
pub(crate) fn table(model: &Model, rows: &BTreeMap<Uuid, Row>) -> Check {
    let mut problems = Vec::new();
    for (id, should) in &model.items {
        match rows.get(id) {
            None => problems.push(format!("{id} is missing")),
            Some(row) if !same(&row.item, should) => {
                problems.push(format!("{id} is {:?} and should be {should:?}", row.item));
            }
            Some(_) => {}
        }
    }
    let strange = rows.keys().filter(|id| !model.items.contains_key(id));
    problems.extend(strange.map(|id| format!("{id} comes from nowhere")));
    Check::new(TABLE, format!("{} items", rows.len()), problems)
}

pub(crate) const TABLE: &str = "the table is the stream's";

/// Returns whether both are equal, to the bit but for the time, which the database rounds to
/// microseconds.
fn same(row: &Item, should: &Item) -> bool {
    let near = match (row.added_at, should.added_at) {
        (Some(row), Some(should)) => row.abs_diff(should) <= 1,
        (row, should) => row == should,
    };
    let place = |item: &Item| item.order.map(f64::to_bits);
    near && place(row) == place(should)
        && (row.added, &row.list, &row.text) == (should.added, &should.list, &should.text)
        && (row.completed, row.deleted) == (should.completed, should.deleted)
}

/// Checks that the API returns each list as it is in the table: all visible items, each once, in order.
pub(crate) fn lists(rows: &BTreeMap<Uuid, Row>, lists: &BTreeMap<String, Vec<Shown>>) -> Check {
    let mut problems = Vec::new();
    for (list, shown) in lists {
        let should = visible(rows, list);
        if let Some(place) =
            (0..should.len().max(shown.len())).find(|place| should.get(*place) != shown.get(*place))
        {
            let (is, should) = (shown.get(place), should.get(place));
            problems.push(format!(
                "{list} has {is:?} at {place} and should have {should:?}"
            ));
        }
    }
    let count: usize = lists.values().map(Vec::len).sum();
    Check::new(
        "the API shows the table",
        format!("{count} items"),
        problems,
    )
}

/// Returns the visible items of a list, in their order.
pub(super) fn visible(rows: &BTreeMap<Uuid, Row>, list: &str) -> Vec<Shown> {
    let visible = rows.values().filter(|row| {
        row.item.added && !row.item.deleted && row.item.list.as_deref() == Some(list)
    });
    let mut visible: Vec<_> = visible.map(shown_as).collect();
    visible.sort_by(|one, other| {
        let places = one.order.total_cmp(&other.order);
        places.then(one.id.cmp(&other.id))
    });
    visible
}

pub(super) fn shown_as(row: &Row) -> Shown {
    Shown {
        id: row.id,
        item: row.item.text.clone().unwrap_or_default(),
        completed: row.item.completed,
        order: row.item.order.unwrap_or_default(),
        version: row.version,
    }
}

/// Checks that the audit has each sequence of the stream once, with its subject and the length of its
/// body.
pub(crate) fn audit(events: &[Stored], audit: &[(u64, String, usize)]) -> Check {
    let mut written = BTreeMap::<u64, Vec<(&str, usize)>>::new();
    for (sequence, subject, length) in audit {
        written
            .entry(*sequence)
            .or_default()
            .push((subject, *length));
    }
    let mut problems = Vec::new();
    for event in events {
        let should = vec![(event.subject.as_str(), event.body.len())];
        let found = written.remove(&event.sequence).unwrap_or_default();
        if found != should {
            problems.push(format!(
                "{} is {found:?} and should be {should:?}",
                event.sequence
            ));
        }
    }
    problems.extend(
        written
            .keys()
            .map(|sequence| format!("{sequence} comes from nowhere")),
    );
    Check::new(
        "the audit is complete",
        format!("{} events", audit.len()),
        problems,
    )
}

/// Checks that the newest announced state of each item equals its row.
pub(crate) fn announced(rows: &BTreeMap<Uuid, Row>, events: &[Stored]) -> Check {
    let (mut count, mut problems) = (0, Vec::new());
    let mut newest = BTreeMap::<Uuid, State>::new();
    for event in events.iter().filter(|event| event.subject == SAVED) {
        count += 1;
        match serde_json::from_slice::<State>(&event.body) {
            Ok(state) => {
                let known = newest.entry(state.id).or_insert_with(|| state.clone());
                if known.version < state.version {
                    *known = state;
                }
            }
            Err(error) => problems.push(format!("{} cannot be read: {error}", event.sequence)),
        }
    }
    for row in rows.values().filter(|row| row.item.added) {
        let known = newest.get(&row.id);
        if !known.is_some_and(|known| is_of(known, row)) {
            problems.push(format!("{known:?} was said, and it is {row:?}"));
        }
    }
    Check::new("what is saved is said", format!("{count} times"), problems)
}

fn is_of(state: &State, row: &Row) -> bool {
    state.version == row.version
        && Some(&state.item) == row.item.text.as_ref()
        && Some(&state.list) == row.item.list.as_ref()
        && Some(state.order.to_bits()) == row.item.order.map(f64::to_bits)
        && (state.completed, state.deleted) == (row.item.completed, row.item.deleted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{play, tests::stored};

    fn id(number: u64) -> Uuid {
        Uuid::from_u128(number.into())
    }

    fn world() -> (Model, BTreeMap<Uuid, Row>) {
        let model = play(&[stored(1, "newitem", r#"{"item":"milk"}"#)], id);
        let row = |(id, item): (&Uuid, &Item)| {
            let row = Row {
                id: *id,
                version: 1,
                item: item.clone(),
            };
            (*id, row)
        };
        let rows = model.items.iter().map(row).collect();
        (model, rows)
    }

    #[test]
    fn a_row_that_is_missing_or_other_or_too_many_is_found() {
        let (model, rows) = world();
        assert!(table(&model, &rows).passed());
        assert!(!table(&model, &BTreeMap::new()).passed());
        assert!(!table(&Model::default(), &rows).passed());
        let mut other = rows.clone();
        other.get_mut(&id(1)).unwrap().item.completed = true;
        assert!(!table(&model, &other).passed());
    }

    #[test]
    fn a_list_that_lacks_an_item_or_shows_one_twice_or_a_hidden_one_is_found() {
        let (_, mut rows) = world();
        let shown = shown_as(&rows[&id(1)]);
        let judge = |rows: &BTreeMap<Uuid, Row>, shown: &[Shown]| {
            let default = ("default".to_owned(), shown.to_vec());
            lists(rows, &BTreeMap::from([default])).passed()
        };
        assert!(judge(&rows, std::slice::from_ref(&shown)));
        assert!(!judge(&rows, &[]));
        assert!(!judge(&rows, &[shown.clone(), shown.clone()]));
        rows.get_mut(&id(1)).unwrap().item.deleted = true;
        assert!(!judge(&rows, &[shown]));
        assert!(judge(&rows, &[]));
    }

    #[test]
    fn a_gap_and_a_repetition_and_another_body_in_the_audit_are_found() {
        let events = [stored(1, "newitem", "a"), stored(2, "newitem", "b")];
        let entry = |sequence, length| (sequence, "events.todo.newitem".to_owned(), length);
        assert!(audit(&events, &[entry(1, 1), entry(2, 1)]).passed());
        for wrong in [
            vec![entry(1, 1)],
            vec![entry(1, 1), entry(2, 1), entry(2, 1)],
            vec![entry(1, 1), entry(2, 2)],
            vec![entry(1, 1), entry(2, 1), entry(3, 1)],
        ] {
            assert!(!audit(&events, &wrong).passed(), "{wrong:?}");
        }
    }

    #[test]
    fn a_last_state_that_nobody_announced_is_found() {
        let (_, rows) = world();
        let announcement = |version| {
            let order = rows[&id(1)].item.order.unwrap();
            let body = serde_json::json!({
                "id": id(1), "version": version, "list": "default", "item": "milk", "order": order,
                "completed": false, "deleted": false,
            });
            stored(2, "itemsaved", &body.to_string())
        };
        assert!(announced(&rows, &[announcement(1)]).passed());
        assert!(!announced(&rows, &[announcement(0)]).passed());
        assert!(!announced(&rows, &[]).passed());
    }
}
