//! The load: many concurrent clients, which record the answers that they get.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use anyhow::Result;
use futures_util::future::join_all;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use testkit::System;
use tokio::time::Instant;
use uuid::Uuid;

use crate::client::{Client, publisher::Publisher};
use crate::history::{Action, Answer, Attempt, History};

/// Number of the newest items that clients choose from: few enough that several clients change the same
/// one.
const IN_USE: usize = 40;

/// State that all clients share.
pub(crate) struct Clients {
    seed: u64,
    pub(crate) began: Instant,
    until: Cell<Instant>,
    places: Places,
    history: RefCell<History>,
    items: RefCell<Vec<Uuid>>,
    marks: Cell<u64>,
    rounds: Cell<u64>,
}

/// Addresses of the members of the HTTP services. A member that is started again may have another port.
#[derive(Clone, Default)]
pub(crate) struct Places(Rc<RefCell<BTreeMap<String, Vec<String>>>>);

impl Places {
    /// Updates the addresses.
    pub(crate) fn find(&self, system: &System) {
        let mut places = BTreeMap::<_, Vec<_>>::new();
        for member in system.members() {
            if let Some(address) = member.http {
                places.entry(member.service).or_default().push(address);
            }
        }
        self.0.replace(places);
    }

    /// Returns the address of a random member of an HTTP service, running or not.
    pub(crate) fn one_of(&self, service: &str, rng: &mut StdRng) -> String {
        let places = self.0.borrow();
        let members = places.get(service).map_or(&[][..], Vec::as_slice);
        members.choose(rng).cloned().unwrap_or_default()
    }
}

impl Clients {
    /// Makes clients that have not begun yet.
    pub(crate) fn new(seed: u64, places: Places) -> Self {
        let now = Instant::now();
        Self {
            seed,
            began: now,
            until: Cell::new(now),
            places,
            history: RefCell::default(),
            items: RefCell::default(),
            marks: Cell::new(0),
            rounds: Cell::new(0),
        }
    }

    /// Runs `count` clients until `until`, and one more that publishes to `broker` by itself.
    pub(crate) async fn work(&self, until: Instant, count: usize, broker: &str) -> Result<()> {
        self.until.set(until);
        self.rounds.set(self.rounds.get() + 1);
        let http = (0..count).map(|number| Client::new(self, number).work());
        let publisher = Publisher::connect(self, broker).await?;
        let ((), _) = tokio::join!(publisher.work(), join_all(http));
        Ok(())
    }

    /// Returns the address of a random member of an HTTP service, running or not.
    pub(crate) fn place(&self, service: &str, rng: &mut StdRng) -> String {
        self.places.one_of(service, rng)
    }

    pub(crate) fn is_over(&self) -> bool {
        Instant::now() >= self.until.get()
    }

    /// Returns the random numbers of one client, which differ between its periods of work.
    pub(crate) fn chance(&self, client: usize) -> StdRng {
        let parts = [self.seed, self.rounds.get(), client as u64];
        let mix = |mixed: u64, part: &u64| mixed.wrapping_mul(1_000_003).wrapping_add(*part);
        StdRng::seed_from_u64(parts.iter().fold(0, mix))
    }

    /// Returns a number that was not returned before.
    pub(crate) fn number(&self) -> u64 {
        self.marks.set(self.marks.get() + 1);
        self.marks.get()
    }

    pub(crate) fn begin(&self, wish: Action, item: Option<Uuid>) -> usize {
        self.history.borrow_mut().begin(wish, item)
    }

    /// Records how an attempt of an operation was answered.
    pub(crate) fn note(&self, operation: usize, mark: String, answer: Answer) {
        let answered = self.began.elapsed();
        self.history.borrow_mut().operations[operation]
            .attempts
            .push(Attempt {
                mark,
                answered,
                answer,
            });
    }

    /// Counts a response's status; 0 is no response.
    pub(crate) fn count(&self, method: &'static str, status: u16) {
        let mut history = self.history.borrow_mut();
        *history.statuses.entry((method, status)).or_default() += 1;
    }

    /// Records the item that an operation has made; from now on clients may change it.
    pub(crate) fn added(&self, operation: usize, item: Uuid) {
        let first = self.history.borrow_mut().operations[operation]
            .item
            .replace(item)
            .is_none();
        if first {
            self.items.borrow_mut().push(item);
        }
    }

    /// Returns one of the newest items at random.
    pub(crate) fn choose(&self, rng: &mut StdRng) -> Option<Uuid> {
        let items = self.items.borrow();
        let newest = &items[items.len().saturating_sub(IN_USE)..];
        (!newest.is_empty()).then(|| newest[rng.random_range(0..newest.len())])
    }

    /// Removes an item from those that clients choose from.
    pub(crate) fn forget(&self, item: Uuid) {
        self.items.borrow_mut().retain(|other| *other != item);
    }

    /// Returns the record of all operations.
    pub(crate) fn history(self) -> History {
        self.history.into_inner()
    }
}
