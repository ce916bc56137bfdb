//! The load: many clients that use the system at the same time, and note what they are told.

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
use crate::history::{Answer, Attempt, History, Wish};

/// How many of the newest items clients choose from: few enough that they meet on one.
const IN_USE: usize = 40;

/// What all clients share.
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

/// Where the members of the HTTP services are. One that is started again may have had to take another
/// port.
#[derive(Clone, Default)]
pub(crate) struct Places(Rc<RefCell<BTreeMap<String, Vec<String>>>>);

impl Places {
    /// Looks where the services are now.
    pub(crate) fn find(&self, system: &System) {
        let mut places = BTreeMap::<_, Vec<_>>::new();
        for member in system.members() {
            if let Some(address) = member.http {
                places.entry(member.service).or_default().push(address);
            }
        }
        self.0.replace(places);
    }

    /// A member of an HTTP service, whether it lives or not.
    pub(crate) fn one_of(&self, service: &str, rng: &mut StdRng) -> String {
        let places = self.0.borrow();
        let members = places.get(service).map_or(&[][..], Vec::as_slice);
        members.choose(rng).cloned().unwrap_or_default()
    }
}

impl Clients {
    /// Clients that have not begun yet.
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

    /// `count` of them work until then, and one more that publishes to `broker` by itself.
    pub(crate) async fn work(&self, until: Instant, count: usize, broker: &str) -> Result<()> {
        self.until.set(until);
        self.rounds.set(self.rounds.get() + 1);
        let http = (0..count).map(|number| Client::new(self, number).work());
        let publisher = Publisher::connect(self, broker).await?;
        let ((), _) = tokio::join!(publisher.work(), join_all(http));
        Ok(())
    }

    /// A member of an HTTP service, whether it lives or not.
    pub(crate) fn place(&self, service: &str, rng: &mut StdRng) -> String {
        self.places.one_of(service, rng)
    }

    pub(crate) fn is_over(&self) -> bool {
        Instant::now() >= self.until.get()
    }

    /// Chance for one client, another one each time that it works.
    pub(crate) fn chance(&self, client: usize) -> StdRng {
        let parts = [self.seed, self.rounds.get(), client as u64];
        let mix = |mixed: u64, part: &u64| mixed.wrapping_mul(1_000_003).wrapping_add(*part);
        StdRng::seed_from_u64(parts.iter().fold(0, mix))
    }

    /// A number that was not given out before.
    pub(crate) fn number(&self) -> u64 {
        self.marks.set(self.marks.get() + 1);
        self.marks.get()
    }

    pub(crate) fn begin(&self, wish: Wish, item: Option<Uuid>) -> usize {
        self.history.borrow_mut().begin(wish, item)
    }

    /// Notes how a request ended.
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

    /// Notes a status; 0 is no answer.
    pub(crate) fn count(&self, method: &'static str, status: u16) {
        let mut history = self.history.borrow_mut();
        *history.statuses.entry((method, status)).or_default() += 1;
    }

    /// Notes which item an operation has made; from now on it may be changed.
    pub(crate) fn added(&self, operation: usize, item: Uuid) {
        let first = self.history.borrow_mut().operations[operation]
            .item
            .replace(item)
            .is_none();
        if first {
            self.items.borrow_mut().push(item);
        }
    }

    /// One of the newest items.
    pub(crate) fn choose(&self, rng: &mut StdRng) -> Option<Uuid> {
        let items = self.items.borrow();
        let newest = &items[items.len().saturating_sub(IN_USE)..];
        (!newest.is_empty()).then(|| newest[rng.random_range(0..newest.len())])
    }

    /// Nobody needs to change this one any more.
    pub(crate) fn forget(&self, item: Uuid) {
        self.items.borrow_mut().retain(|other| *other != item);
    }

    /// What came of it all.
    pub(crate) fn history(self) -> History {
        self.history.into_inner()
    }
}
