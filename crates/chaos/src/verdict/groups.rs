//! Checks of the groups' consumers and of the dead letters.

use std::collections::{BTreeMap, BTreeSet};

use super::Check;
use super::operations::Traces;
use crate::history::{Action, History};
use crate::model::Model;
use crate::plain::{GROUPS, Standing, Stored};

/// Checks that every group has acknowledged every message.
pub(crate) fn quiet(standings: &[Standing; 2]) -> Check {
    let groups = GROUPS.iter().zip(standings);
    let behind = groups
        .clone()
        .filter(|(_, it)| it.pending > 0 || it.in_hand > 0);
    let problems = behind
        .map(|(group, it)| format!("{group}: {} pending, {} in hand", it.pending, it.in_hand))
        .collect();
    let found: Vec<_> = groups
        .map(|(group, it)| format!("{group}: {} repeated", it.repeated))
        .collect();
    Check::new("groups are done", found.join(", "), problems)
}

/// Checks that no event was delivered a second time.
pub(crate) fn once(standings: &[Standing; 2]) -> Check {
    let groups = GROUPS.iter().zip(standings);
    let problems = groups
        .filter(|(_, it)| it.repeated > 0)
        .map(|(group, it)| format!("{group}: {} repeated", it.repeated))
        .collect();
    Check::new("deliveries do not grow", String::new(), problems)
}

/// Checks that the dead letters are the poison messages that were sent, each once and with a reason, and
/// no good event.
pub(crate) fn dead_letters(
    model: &Model,
    history: &History,
    traces: &Traces,
    dead_letters: &[Stored],
) -> Check {
    let mut problems = Vec::new();
    let sent = history.operations.iter().enumerate();
    let sent = sent.filter(|(_, operation)| operation.wish == Action::Poison);
    let sent: BTreeSet<u64> = sent
        .flat_map(|(number, _)| traces.sequences(number).iter().copied())
        .collect();
    let unknown = model.poison.symmetric_difference(&sent);
    problems.extend(unknown.map(|at| format!("the event {at} is poison or not, it depends")));
    let mut buried = BTreeMap::<u64, usize>::new();
    for letter in dead_letters {
        let sequence = letter
            .header("Dead-Sequence")
            .and_then(|at| at.parse().ok());
        *buried.entry(sequence.unwrap_or_default()).or_default() += 1;
        let reason = letter.header("Dead-Reason").unwrap_or_default();
        if reason.is_empty() || letter.header("Dead-Group") != Some(GROUPS[0]) {
            problems.push(format!("no reason, or not of {}: {letter:?}", GROUPS[0]));
        }
        if sequence.is_none_or(|sequence| !sent.contains(&sequence)) {
            problems.push(format!("a good event was given up ({reason}): {letter:?}"));
        }
    }
    for sequence in &sent {
        match buried.get(sequence) {
            Some(1) => {}
            count => problems.push(format!("the poison {sequence} is there {count:?} times")),
        }
    }
    let found = format!("{} of {} poison", dead_letters.len(), sent.len());
    Check::new(DEAD_LETTERS, found, problems)
}

pub(crate) const DEAD_LETTERS: &str = "dead letters are the poison";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::history::{Answer, Attempt};
    use crate::model::{play, tests::stored};

    fn letter(sequence: u64, reason: &str) -> Stored {
        let mut letter = stored(1, "newitem", "");
        letter.headers.insert("Dead-Sequence", sequence.to_string());
        letter.headers.insert("Dead-Reason", reason);
        letter.headers.insert("Dead-Group", "save-handler");
        letter
    }

    #[test]
    fn a_good_event_and_a_missing_and_a_double_dead_letter_are_found() {
        let events = [
            stored(1, "newitem", "poison"),
            stored(2, "newitem", r#"{"item":"milk"}"#),
        ];
        let mut history = History::default();
        for (wish, body) in [
            (Action::Poison, "poison"),
            (Action::Add, r#"{"item":"milk"}"#),
        ] {
            let number = history.begin(wish, None);
            history.operations[number].attempts.push(Attempt {
                mark: body.to_owned(),
                answered: Duration::ZERO,
                answer: Answer::Yes,
            });
        }
        let model = play(&events, |at| uuid::Uuid::from_u128(at.into()));
        let traces = Traces::find(&history, &events, &model);
        let judge = |letters: &[Stored]| dead_letters(&model, &history, &traces, letters).passed();
        assert!(judge(&[letter(1, "no JSON")]));
        assert!(!judge(&[]));
        assert!(!judge(&[letter(1, "")]));
        assert!(!judge(&[letter(1, "no JSON"), letter(1, "no JSON")]));
        assert!(!judge(&[letter(1, "no JSON"), letter(2, "timeout")]));
    }

    #[test]
    fn a_group_that_is_behind_is_found() {
        let standing = |pending, in_hand, repeated| Standing {
            pending,
            in_hand,
            repeated,
        };
        assert!(quiet(&[standing(0, 0, 7), standing(0, 0, 0)]).passed());
        assert!(!quiet(&[standing(1, 0, 0), standing(0, 0, 0)]).passed());
        assert!(!quiet(&[standing(0, 0, 0), standing(0, 1, 0)]).passed());
        assert!(once(&[standing(0, 0, 0), standing(0, 0, 0)]).passed());
        assert!(!once(&[standing(0, 0, 0), standing(0, 0, 1)]).passed());
    }
}
