//! The buffer of a member: events that the broker delivered and that nobody handles yet.

use std::collections::VecDeque;

use async_nats::Message;
use rand::RngExt;

use crate::{Delivery, delivery::RawMessage};

/// Number of deliveries from which on an event is handled alone: a process may have died of it, and the
/// events beside it must not be blamed.
const SUSPICIOUS_ATTEMPTS: u64 = 3;

pub(crate) struct Buffer<E> {
    /// Batches that an outage interrupted, oldest first. They go before everything else.
    interrupted: VecDeque<Vec<Delivery<E>>>,
    /// Suspected poison messages, which were delivered often. They are not decoded yet: a process may
    /// have died of that, too.
    suspects: Vec<RawMessage>,
    /// Events that wait to be handled.
    waiting: VecDeque<Delivery<E>>,
    /// Size of all of them in bytes.
    bytes: usize,
}

/// The next work from the buffer.
pub(crate) enum Next<E> {
    Events(Vec<Delivery<E>>),
    Suspect(Box<RawMessage>),
}

impl<E> Buffer<E> {
    pub(crate) fn new() -> Self {
        Self {
            interrupted: VecDeque::new(),
            suspects: Vec::new(),
            waiting: VecDeque::new(),
            bytes: 0,
        }
    }

    pub(crate) fn push(&mut self, event: Delivery<E>) {
        self.bytes += event.message.bytes();
        self.waiting.push_back(event);
    }

    /// Takes a message that was delivered often. Returns one that was not.
    pub(crate) fn quarantine(&mut self, parcel: RawMessage) -> Option<RawMessage> {
        if parcel.attempt < SUSPICIOUS_ATTEMPTS {
            return Some(parcel);
        }
        self.bytes += parcel.bytes();
        self.suspects.push(parcel);
        None
    }

    /// Takes back a batch that was started and could not be handled. It stays apart from the others: one
    /// that was handled alone may have been so for a reason.
    pub(crate) fn put_back(&mut self, batch: Vec<Delivery<E>>) {
        let oldest = |batch: &[Delivery<E>]| batch.first().map(|event| event.origin.position());
        let older = |held: &Vec<_>| oldest(held) < oldest(&batch);
        let place = self.interrupted.partition_point(older);
        self.bytes += bytes(&batch);
        self.interrupted.insert(place, batch);
    }

    /// Returns whether there is a batch that an outage interrupted.
    pub(crate) fn has_interrupted(&self) -> bool {
        !self.interrupted.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        let held: usize = self.interrupted.iter().map(Vec::len).sum();
        held + self.suspects.len() + self.waiting.len()
    }

    /// Returns the size of the events in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn has_suspects(&self) -> bool {
        !self.suspects.is_empty()
    }

    /// Returns whether there is something to be handled now. Suspects wait until all messages are here
    /// that are in flight (`is_coming`): those behind the one that kills the process would have been
    /// delivered for nothing.
    pub(crate) fn has_next(&self, is_coming: bool) -> bool {
        let ready = !self.interrupted.is_empty() || !self.waiting.is_empty();
        ready || (self.has_suspects() && !is_coming)
    }

    pub(crate) fn messages(&self) -> impl Iterator<Item = &Message> {
        let events = self.interrupted.iter().flatten().chain(&self.waiting);
        let parcels = events.map(|event| &event.message).chain(&self.suspects);
        parcels.map(|parcel| &parcel.message)
    }

    /// Takes the events to be handled next, `size` at most.
    pub(crate) fn next(&mut self, size: usize, is_coming: bool) -> Option<Next<E>> {
        let next = self.draw(size, is_coming)?;
        self.bytes -= match &next {
            Next::Events(batch) => bytes(batch),
            Next::Suspect(parcel) => parcel.bytes(),
        };
        Some(next)
    }

    fn draw(&mut self, size: usize, is_coming: bool) -> Option<Next<E>> {
        if let Some(mut batch) = self.interrupted.pop_front() {
            if batch.len() > size {
                let rest = batch.split_off(size);
                self.interrupted.push_front(rest);
            }
            return Some(Next::Events(batch));
        }
        if self.has_suspects() && !is_coming {
            // In the order of their arrival, those behind the one that kills would never have their turn,
            // and in the end all would be taken for killers.
            let one = rand::rng().random_range(0..self.suspects.len());
            return Some(Next::Suspect(Box::new(self.suspects.swap_remove(one))));
        }
        let count = self.waiting.len().min(size);
        (count > 0).then(|| Next::Events(self.waiting.drain(..count).collect()))
    }
}

fn bytes<E>(batch: &[Delivery<E>]) -> usize {
    batch.iter().map(|event| event.message.bytes()).sum()
}
