//! What a member has in hand: events that the broker gave it and that nobody handles yet.

use std::collections::VecDeque;

use rand::RngExt;

use crate::Delivery;

/// An event that came this often is handled alone: a process may have died of it, and the events
/// beside it must not be blamed.
const SUSPICIOUS_ATTEMPTS: u64 = 3;

pub(crate) struct Hand<E> {
    /// Batches that an outage interrupted. They go first.
    held: VecDeque<Vec<Delivery<E>>>,
    /// Events that wait to be handled.
    waiting: VecDeque<Delivery<E>>,
}

impl<E> Hand<E> {
    pub(crate) fn new() -> Self {
        Self {
            held: VecDeque::new(),
            waiting: VecDeque::new(),
        }
    }

    pub(crate) fn take(&mut self, event: Delivery<E>) {
        self.waiting.push_back(event);
    }

    /// Takes back a batch that was started and could not be handled.
    pub(crate) fn take_back(&mut self, batch: Vec<Delivery<E>>) {
        self.held.push_back(batch);
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len() + self.held.iter().map(Vec::len).sum::<usize>()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.held.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Delivery<E>> {
        self.held.iter().flatten().chain(&self.waiting)
    }

    /// What is to be handled next, `size` events at most.
    pub(crate) fn next_batch(&mut self, size: usize) -> Option<Vec<Delivery<E>>> {
        if let Some(batch) = self.held.pop_front() {
            return Some(batch);
        }
        let suspicious = |event: &&Delivery<E>| event.attempt() >= SUSPICIOUS_ATTEMPTS;
        let suspects = self.waiting.iter().take_while(suspicious).count();
        if suspects > 0 {
            // In the order in which they come, whoever is behind the one that kills would never
            // have its turn, and in the end all would be taken for killers.
            let one = rand::rng().random_range(0..suspects);
            return self.waiting.remove(one).map(|event| vec![event]);
        }
        let fitting = self.waiting.iter().take(size);
        let count = fitting.take_while(|event| !suspicious(event)).count();
        (count > 0).then(|| self.waiting.drain(..count).collect())
    }
}
