//! Checks of the answers that clients got against the outcome.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::Check;
use crate::history::{Action, History};
use crate::model::{Model, SAVED};
use crate::plain::Stored;
use crate::tables::Row;

/// Every status that the page and the API may respond with, whatever happens to them. 0 is no response,
/// because no member was there to give one. 409 is the response to an idempotency key whose first
/// request is still in flight, perhaps with a process that died.
const ANSWERS: [u16; 9] = [0, 200, 202, 303, 404, 408, 409, 422, 503];

/// The events of each operation.
#[derive(Default)]
pub(crate) struct Traces {
    /// By operation: the sequences of its events, and their items.
    of: BTreeMap<usize, (Vec<u64>, BTreeSet<Uuid>)>,
    /// The sequences of events that belong to no operation.
    strange: Vec<u64>,
}

impl Traces {
    pub(crate) fn find(history: &History, events: &[Stored], model: &Model) -> Self {
        let marks = history.marks();
        let mut traces = Self::default();
        for event in events.iter().filter(|event| event.subject != SAVED) {
            let body = std::str::from_utf8(&event.body).unwrap_or_default();
            let mark = event.header("ce-correlationid").unwrap_or(body);
            let Some(operation) = marks.get(mark) else {
                traces.strange.push(event.sequence);
                continue;
            };
            let (sequences, items) = traces.of.entry(*operation).or_default();
            sequences.push(event.sequence);
            items.extend(model.touched.get(&event.sequence));
        }
        traces
    }

    pub(super) fn has(&self, operation: usize) -> bool {
        self.of.contains_key(&operation)
    }

    pub(super) fn sequences(&self, operation: usize) -> &[u64] {
        self.of
            .get(&operation)
            .map_or(&[], |(sequences, _)| sequences)
    }
}

/// Checks that every accepted operation is in effect.
pub(crate) fn accepted(history: &History, traces: &Traces, rows: &BTreeMap<Uuid, Row>) -> Check {
    let (mut count, mut problems) = (0, Vec::new());
    for (number, operation) in history.operations.iter().enumerate() {
        if operation.accepted().is_none() {
            continue;
        }
        count += 1;
        if !traces.has(number) {
            problems.push(format!("lost before the stream: {operation:?}"));
        } else if let (Action::Add, Some(item)) = (operation.wish, operation.item)
            && !rows.get(&item).is_some_and(|row| row.item.added)
        {
            problems.push(format!("lost behind the stream: {operation:?}"));
        }
    }
    Check::new(
        ACCEPTED,
        format!("{count} of {}", history.operations.len()),
        problems,
    )
}

pub(crate) const ACCEPTED: &str = "a yes is in effect";

/// Checks that no operation that was only ever rejected is in effect, and that every event belongs to an
/// operation.
pub(crate) fn refused(history: &History, traces: &Traces) -> Check {
    let operations = history.operations.iter().enumerate();
    let refused: Vec<_> = operations
        .filter(|(_, operation)| operation.refused())
        .collect();
    let in_effect = refused.iter().filter(|(number, _)| traces.has(*number));
    let mut problems: Vec<_> = in_effect
        .map(|(_, operation)| format!("refused and in effect: {operation:?}"))
        .collect();
    let strange = traces.strange.iter();
    problems.extend(strange.map(|sequence| format!("nobody asked for the event {sequence}")));
    Check::new("a no is not in effect", refused.len().to_string(), problems)
}

/// Checks that an operation without a final answer is in effect as a whole once it is in the stream.
pub(crate) fn whole(history: &History, traces: &Traces, rows: &BTreeMap<Uuid, Row>) -> Check {
    let (mut unheard, mut in_effect, mut problems) = (0, 0, Vec::new());
    for (number, operation) in history.operations.iter().enumerate() {
        if operation.accepted().is_some() || operation.refused() {
            continue;
        }
        unheard += 1;
        let Some((_, items)) = traces.of.get(&number) else {
            continue;
        };
        in_effect += 1;
        let missing = items.iter().find(|item| !rows.contains_key(item));
        if let Some(item) = missing {
            problems.push(format!(
                "{item} is in the stream and not in the table: {operation:?}"
            ));
        }
    }
    let found = format!("{in_effect} in effect of {unheard} that heard neither yes nor no");
    Check::new("all of it or nothing", found, problems)
}

/// Checks that a repeated request made one item.
pub(crate) fn keys(history: &History, traces: &Traces) -> Check {
    let (mut repeated, mut problems) = (0, Vec::new());
    for (number, operation) in history.operations.iter().enumerate() {
        if operation.attempts.len() < 2 {
            continue;
        }
        repeated += 1;
        if let Some((_, items)) = traces.of.get(&number)
            && items.len() > 1
        {
            problems.push(format!("doubled: {items:?} of {operation:?}"));
        }
    }
    Check::new(KEYS, format!("{repeated} were sent again"), problems)
}

pub(crate) const KEYS: &str = "a repeated key makes one";

/// Checks that items whose deletion was accepted stay deleted. Items that a client restored are left
/// out: for them the order in the stream decides.
pub(crate) fn deleted(history: &History, rows: &BTreeMap<Uuid, Row>) -> Check {
    let operations = history.operations.iter();
    let deleted = operations
        .clone()
        .filter(|it| it.wish == Action::Delete && it.accepted().is_some());
    let restored = operations.filter(|it| it.wish == Action::Restore);
    let restored: BTreeSet<_> = restored.filter_map(|operation| operation.item).collect();
    let mut items: BTreeSet<_> = deleted.filter_map(|operation| operation.item).collect();
    items.retain(|item| !restored.contains(item));
    let alive = items
        .iter()
        .filter(|item| rows.get(item).is_some_and(|row| !row.item.deleted));
    let problems = alive.map(|item| format!("resurrected: {item}")).collect();
    Check::new("the deleted stay away", items.len().to_string(), problems)
}

/// Checks that no response had a status that means a fault of ours.
pub(crate) fn answers(history: &History) -> Check {
    let mut statuses: Vec<_> = history.statuses.iter().collect();
    statuses.sort_unstable();
    let wrong = statuses
        .iter()
        .filter(|((_, status), _)| !ANSWERS.contains(status));
    let problems = wrong.map(|((method, status), count)| format!("{method}: {status} × {count}"));
    let problems = problems.collect();
    let mut sums = BTreeMap::<u16, u64>::new();
    for ((_, status), count) in statuses {
        *sums.entry(*status).or_default() += count;
    }
    let found: Vec<_> = sums
        .iter()
        .map(|(status, count)| format!("{status} × {count}"))
        .collect();
    Check::new("answers are sound", found.join(", "), problems)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::history::{Answer, Attempt};
    use crate::model::{Item, play, tests::stored};

    fn id(number: u64) -> Uuid {
        Uuid::from_u128(number.into())
    }

    fn history(wish: Action, item: Option<Uuid>, attempts: &[(&str, Answer)]) -> History {
        let mut history = History::default();
        let number = history.begin(wish, item);
        let attempts = attempts.iter().map(|(mark, answer)| Attempt {
            mark: (*mark).to_owned(),
            answered: Duration::ZERO,
            answer: *answer,
        });
        history.operations[number].attempts.extend(attempts);
        history
    }

    fn traces(history: &History, bodies: &[&str]) -> Traces {
        let events = (1..).zip(bodies);
        let events: Vec<_> = events
            .map(|(at, body)| stored(at, "newitem", body))
            .collect();
        Traces::find(history, &events, &play(&events, id))
    }

    fn row(item: Uuid, deleted: bool) -> BTreeMap<Uuid, Row> {
        let state = Item {
            added: true,
            deleted,
            ..Item::default()
        };
        let row = Row {
            id: item,
            version: 1,
            item: state,
        };
        BTreeMap::from([(item, row)])
    }

    const MILK: &str = r#"{"item":"milk"}"#;

    #[test]
    fn an_accepted_item_that_is_in_the_stream_and_in_the_table_is_in_effect() {
        let history = history(Action::Add, Some(id(1)), &[(MILK, Answer::Yes)]);
        let traces = traces(&history, &[MILK]);
        assert!(accepted(&history, &traces, &row(id(1), false)).passed());
        assert!(keys(&history, &traces).passed() && refused(&history, &traces).passed());
    }

    #[test]
    fn an_accepted_item_that_is_missing_in_the_stream_or_in_the_table_is_lost() {
        let history = history(Action::Add, Some(id(1)), &[(MILK, Answer::Yes)]);
        let nowhere = traces(&history, &[]);
        assert!(!accepted(&history, &nowhere, &row(id(1), false)).passed());
        let in_the_stream = traces(&history, &[MILK]);
        assert!(!accepted(&history, &in_the_stream, &BTreeMap::new()).passed());
    }

    #[test]
    fn what_was_refused_must_not_be_there_and_neither_what_nobody_asked_for() {
        let history = history(Action::Add, None, &[(MILK, Answer::No)]);
        assert!(refused(&history, &traces(&history, &[])).passed());
        assert!(!refused(&history, &traces(&history, &[MILK])).passed());
        let strange = traces(&history, &[r#"{"item":"salt"}"#]);
        assert!(!refused(&history, &strange).passed());
    }

    #[test]
    fn what_nobody_heard_of_may_be_there_or_not_but_not_half() {
        let history = history(Action::Add, None, &[(MILK, Answer::Unknown)]);
        assert!(whole(&history, &traces(&history, &[]), &BTreeMap::new()).passed());
        let there = traces(&history, &[MILK]);
        assert!(whole(&history, &there, &row(id(1), false)).passed());
        assert!(!whole(&history, &there, &BTreeMap::new()).passed());
    }

    #[test]
    fn two_items_of_one_key_are_found() {
        let salt = r#"{"item":"salt"}"#;
        let history = history(
            Action::Add,
            None,
            &[(MILK, Answer::Unknown), (salt, Answer::Yes)],
        );
        assert!(keys(&history, &traces(&history, &[salt])).passed());
        assert!(!keys(&history, &traces(&history, &[MILK, salt])).passed());
    }

    #[test]
    fn a_deleted_item_that_is_there_again_is_found() {
        let mut history = history(Action::Delete, Some(id(1)), &[("chaos-1", Answer::Yes)]);
        assert!(deleted(&history, &row(id(1), true)).passed());
        assert!(!deleted(&history, &row(id(1), false)).passed());
        history.begin(Action::Restore, Some(id(1)));
        assert!(deleted(&history, &row(id(1), false)).passed());
    }

    #[test]
    fn an_answer_that_blames_us_is_found() {
        let mut history = History::default();
        history.statuses.insert(("POST", 202), 9);
        assert!(answers(&history).passed());
        history.statuses.insert(("POST", 500), 1);
        assert!(!answers(&history).passed());
    }
}
