//! Somebody who has a list open in a browser: sees it, hears of each change, leaves now and then, and
//! comes back with the last id that was heard.
//!
//! What the page's script does (`page.js` of todo-web) is done here a second time, so that what is judged is
//! what a person would see. The page shows the end of one list; of the others, and of the first as a
//! whole, the state comes from the API.

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

/// How long a visitor stays connected, if nobody cuts the connection (ms).
const STAY_MS: Range<u64> = 2_000..15_000;

/// How long it is away then (ms). A browser itself waits for a second.
const AWAY_MS: Range<u64> = 200..3_000;

/// How long the script waits before it takes a fresh state (ms), so that several are one.
const PAUSE_MS: Range<u64> = 100..500;

/// How long it waits when there was none to be had.
const AGAIN: Duration = Duration::from_secs(2);

/// One who watches.
pub(crate) struct Visitor {
    source: Source,
    rng: RefCell<StdRng>,
    view: RefCell<View>,
    stale: Notify,
    /// The id that the browser has heard last, as it says when it comes back.
    place: RefCell<Option<String>>,
}

impl Visitor {
    /// Two who have the page open, and one for each list who sees all of it.
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

    /// Watches until it is dropped.
    pub(crate) async fn watch(&self, places: &Places, began: Instant) {
        if !self.source.is_whole() {
            // The page comes first, and says where its script begins.
            while !self.take_fresh(places, began).await {
                sleep(AGAIN).await;
            }
        }
        tokio::join!(self.listen(places, began), self.refresh(places, began));
    }

    /// Whether it has heard of everything up to this sequence and shows what it heard.
    pub(crate) fn has_heard(&self, last: u64) -> bool {
        self.view.borrow().has_heard(last)
    }

    /// The list that it watches.
    pub(crate) fn list(&self) -> &'static str {
        self.source.list()
    }

    /// What it sees.
    pub(crate) fn into_view(self) -> View {
        self.view.into_inner()
    }

    async fn listen(&self, places: &Places, began: Instant) {
        loop {
            let stays = self.stay(places, began);
            // Whatever ends it, the next try begins where this one ended.
            let _ = timeout(self.chance(STAY_MS), stays).await;
            sleep(self.chance(AWAY_MS)).await;
        }
    }

    /// Hears what is pushed until the connection ends.
    async fn stay(&self, places: &Places, began: Instant) -> Result<()> {
        let web = places.one_of("todo-web", &mut self.rng.borrow_mut());
        let (after, place) = (self.view.borrow().last(), self.place.borrow().clone());
        let opened = Stream::open(&web, self.source.list(), after, place.as_deref());
        let Some(mut stream) = opened.await? else {
            // After an answer that is no stream, the script begins anew with what it shows.
            self.place.replace(None);
            return Ok(());
        };
        if after.is_none() && place.is_none() {
            // What was before this is in no page that it has.
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

    /// Takes a fresh state whenever one is needed.
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

    /// Whether there was one to be had.
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
