//! A browser that has a list open: it shows the list, receives each change, disconnects now and then,
//! and reconnects with its last event id.
//!
//! It repeats the logic of the page's script (`page.js` of todo-web), so that the judge sees what a user
//! would see. The page shows the end of one list; the state of the other lists, and of the first as a
//! whole, comes from the API.

mod fresh;
mod stream;
mod view;

use std::cell::RefCell;
use std::ops::Range;
use std::time::Duration;

use anyhow::Result;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

use crate::clients::Places;
use fresh::Source;
use stream::{Heard, Stream};
pub(crate) use view::View;

/// Time that a subscriber stays connected, if no fault cuts the connection (ms).
const STAY_MS: Range<u64> = 2_000..15_000;

/// Pause before it reconnects (ms). A browser itself waits for a second.
const AWAY_MS: Range<u64> = 200..3_000;

/// Pause of the script before it fetches a fresh state (ms), so that several requests are one.
const PAUSE_MS: Range<u64> = 100..500;

/// Pause after a fetch that failed.
const AGAIN: Duration = Duration::from_secs(2);

/// A subscriber of one list.
pub(crate) struct Visitor {
    source: Source,
    rng: RefCell<StdRng>,
    view: RefCell<View>,
    stale: Notify,
    /// The last event id, which the browser sends when it reconnects.
    place: RefCell<Option<String>>,
}

impl Visitor {
    /// Returns two subscribers that have the page open, and one for each list that shows all of it.
    pub(crate) fn several(seed: u64, lists: &[&'static str]) -> Vec<Self> {
        let lists = lists.iter().map(|list| Source::Api(list));
        let sources = [Source::Page, Source::Page].into_iter().chain(lists);
        let visitor = |(number, source): (u64, Source)| Self {
            view: RefCell::new(View::new(source.list(), source.is_whole())),
            source,
            rng: RefCell::new(StdRng::seed_from_u64(seed.wrapping_add(number))),
            stale: Notify::new(),
            place: RefCell::default(),
        };
        (1..).zip(sources).map(visitor).collect()
    }

    /// Stays subscribed until the future is dropped.
    pub(crate) async fn watch(&self, places: &Places, began: Instant) {
        if !self.source.is_whole() {
            // The page is loaded first, and has the sequence from which its script subscribes.
            while !self.take_fresh(places, began).await {
                sleep(AGAIN).await;
            }
        }
        tokio::join!(self.listen(places, began), self.refresh(places, began));
    }

    /// Returns whether it has received everything up to this sequence and shows it.
    pub(crate) fn has_heard(&self, last: u64) -> bool {
        self.view.borrow().has_heard(last)
    }

    /// Returns its list.
    pub(crate) fn list(&self) -> &'static str {
        self.source.list()
    }

    /// Returns what it shows.
    pub(crate) fn into_view(self) -> View {
        self.view.into_inner()
    }

    async fn listen(&self, places: &Places, began: Instant) {
        loop {
            let stays = self.stay(places, began);
            // However a connection ends, the next one continues after the last event.
            let _ = timeout(self.chance(STAY_MS), stays).await;
            sleep(self.chance(AWAY_MS)).await;
        }
    }

    /// Receives events until the connection ends.
    async fn stay(&self, places: &Places, began: Instant) -> Result<()> {
        let web = places.one_of("todo-web", &mut self.rng.borrow_mut());
        let (after, place) = (self.view.borrow().last(), self.place.borrow().clone());
        let opened = Stream::open(&web, self.source.list(), after, place.as_deref());
        let Some(mut stream) = opened.await? else {
            // After a response that is no event stream, the script subscribes anew, from the state that
            // it shows.
            self.place.replace(None);
            return Ok(());
        };
        if after.is_none() && place.is_none() {
            // Changes from before the subscription are in no state that it has.
            self.stale.notify_one();
        }
        while let Some(heard) = stream.next().await? {
            let is_stale = match heard {
                Heard::Saved(id, state) => self.view.borrow_mut().hear(id, state, began.elapsed()),
                Heard::Reset(id) => self.view.borrow_mut().reset(id),
                Heard::Place => false,
                Heard::Strange(what) => self.view.borrow_mut().wonder(what),
            };
            self.place.replace(stream.id().map(str::to_owned));
            if is_stale {
                self.stale.notify_one();
            }
        }
        Ok(())
    }

    /// Fetches a fresh state whenever one is needed.
    async fn refresh(&self, places: &Places, began: Instant) {
        loop {
            self.stale.notified().await;
            sleep(self.chance(PAUSE_MS)).await;
            if !self.take_fresh(places, began).await {
                sleep(AGAIN).await;
                self.stale.notify_one();
            }
        }
    }

    /// Fetches a fresh state and shows it. Returns whether that succeeded.
    async fn take_fresh(&self, places: &Places, began: Instant) -> bool {
        let at = places.one_of(self.source.service(), &mut self.rng.borrow_mut());
        self.view.borrow_mut().ask();
        let fresh = self.source.fetch(&at).await.ok();
        let found = fresh.is_some();
        if self.view.borrow_mut().take(fresh, began.elapsed()) {
            self.stale.notify_one();
        }
        found
    }

    fn chance(&self, range: Range<u64>) -> Duration {
        Duration::from_millis(self.rng.borrow_mut().random_range(range))
    }
}
