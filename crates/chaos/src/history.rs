//! Operations that clients asked for, and the answers that they got.

use std::collections::HashMap;
use std::time::Duration;

use uuid::Uuid;

/// Meaning of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The request was accepted.
    Yes,
    /// The request was rejected, and a retry will not help.
    No,
    /// The request was rejected for now, or there was no response.
    Unknown,
}

/// Kind of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Adds an item.
    Add,
    /// Changes an existing item.
    Change,
    /// Deletes an existing item.
    Delete,
    /// Restores a deleted item.
    Restore,
    /// Publishes a message that is no event.
    Poison,
}

/// One request of an operation.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    /// Mark that the resulting events carry: a request id, or the body itself.
    pub(crate) mark: String,
    /// Time of the answer, or of giving up, from the start of the load.
    pub(crate) answered: Duration,
    pub(crate) answer: Answer,
}

/// An operation of a client, however often it sent the request.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    pub(crate) wish: Action,
    /// The item, if the client knows its id.
    pub(crate) item: Option<Uuid>,
    pub(crate) attempts: Vec<Attempt>,
}

impl Operation {
    /// Returns the time of the first answer that accepted it.
    pub(crate) fn accepted(&self) -> Option<Duration> {
        let yes = self.attempts.iter();
        let yes = yes.filter(|attempt| attempt.answer == Answer::Yes);
        yes.map(|attempt| attempt.answered).min()
    }

    /// Returns whether every answer rejected it; false if there was none.
    pub(crate) fn refused(&self) -> bool {
        !self.attempts.is_empty()
            && self
                .attempts
                .iter()
                .all(|attempt| attempt.answer == Answer::No)
    }
}

/// All operations, in the order of their start.
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) operations: Vec<Operation>,
    /// Number of responses by method and status; status 0 stands for no response.
    pub(crate) statuses: HashMap<(&'static str, u16), u64>,
}

impl History {
    /// Begins an operation and returns its number.
    pub(crate) fn begin(&mut self, wish: Action, item: Option<Uuid>) -> usize {
        self.operations.push(Operation {
            wish,
            item,
            attempts: Vec::new(),
        });
        self.operations.len() - 1
    }

    /// Returns the operation of each mark.
    pub(crate) fn marks(&self) -> HashMap<&str, usize> {
        let operations = self.operations.iter().enumerate();
        let marks = operations.flat_map(|(number, operation)| {
            let attempts = operation.attempts.iter();
            attempts.map(move |attempt| (attempt.mark.as_str(), number))
        });
        marks.collect()
    }
}
