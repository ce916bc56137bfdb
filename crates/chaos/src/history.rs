//! What clients asked for, and what they were told.

use std::collections::HashMap;
use std::time::Duration;

use uuid::Uuid;

/// What an answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It was accepted.
    Yes,
    /// It was refused, and asking again will not help.
    No,
    /// It was refused for now, or nothing was heard.
    Unknown,
}

/// What a client wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// A new item.
    Add,
    /// A change of an item that is there.
    Change,
    /// An end of an item that is there.
    Delete,
    /// An item back that was deleted.
    Restore,
    /// Something that is no event.
    Poison,
}

/// One request for an operation.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    /// What the events that come of it carry: a request's identity, or the body itself.
    pub(crate) mark: String,
    /// When it was answered, or given up.
    pub(crate) answered: Duration,
    pub(crate) answer: Answer,
}

/// Something that a client wanted once, however often it asked.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    pub(crate) wish: Wish,
    /// The item, if the client knows which.
    pub(crate) item: Option<Uuid>,
    pub(crate) attempts: Vec<Attempt>,
}

impl Operation {
    /// When the first yes came.
    pub(crate) fn accepted(&self) -> Option<Duration> {
        let yes = self.attempts.iter();
        let yes = yes.filter(|attempt| attempt.answer == Answer::Yes);
        yes.map(|attempt| attempt.answered).min()
    }

    /// Whether every answer was a no.
    pub(crate) fn refused(&self) -> bool {
        !self.attempts.is_empty()
            && self
                .attempts
                .iter()
                .all(|attempt| attempt.answer == Answer::No)
    }
}

/// All operations, in the order in which they were begun.
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) operations: Vec<Operation>,
    /// How often each status was answered, by method; 0 stands for no answer.
    pub(crate) statuses: HashMap<(&'static str, u16), u64>,
}

impl History {
    /// Begins an operation and returns its number.
    pub(crate) fn begin(&mut self, wish: Wish, item: Option<Uuid>) -> usize {
        self.operations.push(Operation {
            wish,
            item,
            attempts: Vec::new(),
        });
        self.operations.len() - 1
    }

    /// Which operation each mark belongs to.
    pub(crate) fn marks(&self) -> HashMap<&str, usize> {
        let operations = self.operations.iter().enumerate();
        let marks = operations.flat_map(|(number, operation)| {
            let attempts = operation.attempts.iter();
            attempts.map(move |attempt| (attempt.mark.as_str(), number))
        });
        marks.collect()
    }
}
