//! Monitoring of the whole system, only while somebody watches it.

use std::{sync::Arc, time::Duration};

use bus::{Bus, CapacityError, GroupStatus};
use time::OffsetDateTime;
use tokio::{
    sync::{Mutex, Notify, watch},
    time::{Instant, sleep_until, timeout},
};
use tracing::debug;

use super::{
    memory::{Memory, Seen, Stock},
    picture::{Backlog, Picture},
};

/// Timeouts of discovery, and of the queries for the state of the streams and consumers.
const ROLL_LIMIT: Duration = Duration::from_millis(300);
const STANDING_LIMIT: Duration = Duration::from_millis(500);

/// The greatest age of a picture, and the interval of new ones while somebody watches.
const PACE: Duration = Duration::from_secs(1);

/// Timeout of the query for the number of unsaved changes.
const UNSAVED_LIMIT: Duration = Duration::from_millis(300);

/// The group that saves what happens to items.
const SAVERS: &str = "save-handler";

/// Takes pictures of the system, one at a time, and shares them among all viewers.
pub(crate) struct Lookout {
    bus: Bus,
    database: watch::Receiver<bool>,
    memory: Mutex<Memory>,
    unsaved: Mutex<Option<(Instant, Option<Backlog>)>>,
    newest: watch::Sender<Option<Arc<Picture>>>,
    somebody_came: Notify,
}

impl Lookout {
    pub(crate) fn new(bus: Bus, database: watch::Receiver<bool>) -> Self {
        Self {
            bus,
            database,
            memory: Mutex::default(),
            unsaved: Mutex::default(),
            newest: watch::Sender::default(),
            somebody_came: Notify::new(),
        }
    }

    /// Returns a picture that is less than a second old.
    ///
    /// Cancel safe: an unfinished sample is dropped.
    pub(crate) async fn picture(&self) -> Arc<Picture> {
        let mut memory = self.memory.lock().await;
        let newest = self.newest.borrow().clone();
        match newest.filter(|picture| picture.taken.elapsed() < PACE) {
            Some(picture) => picture,
            None => self.look(&mut memory).await,
        }
    }

    /// The changes that are accepted and not saved yet, as of at most a second ago; none if the broker does
    /// not answer in time. The savers also get the events about their own saves, which briefly count too.
    pub(crate) async fn unsaved(&self) -> Option<Backlog> {
        if !*self.bus.connected().borrow() {
            return None;
        }
        let mut told = self.unsaved.lock().await;
        if let Some((at, unsaved)) = *told
            && at.elapsed() < PACE
        {
            return unsaved;
        }
        let standing = timeout(UNSAVED_LIMIT, self.standing()).await;
        let standing = known("how much is not saved", standing);
        let unsaved = standing.map(|stock| {
            // Without the savers' consumer nothing is saved yet.
            let all = Backlog {
                waiting: stock.events,
                oldest: Some(Duration::MAX),
                ..Backlog::default()
            };
            stock.groups.get(SAVERS).copied().unwrap_or(all)
        });
        *told = Some((Instant::now(), unsaved));
        unsaved
    }

    /// Returns a receiver of the newest picture. While there is a receiver, a picture is taken every second.
    pub(super) fn watch(&self) -> watch::Receiver<Option<Arc<Picture>>> {
        let newest = self.newest.subscribe();
        self.somebody_came.notify_one();
        newest
    }

    /// Takes pictures while somebody watches; never ends by itself.
    pub(crate) async fn run(&self) {
        loop {
            self.somebody_came.notified().await;
            while self.newest.receiver_count() > 0 {
                let start = Instant::now();
                self.look(&mut *self.memory.lock().await).await;
                sleep_until(start + PACE).await;
            }
        }
    }

    async fn look(&self, memory: &mut Memory) -> Arc<Picture> {
        let mut seen = Seen {
            database: *self.database.borrow(),
            ..Seen::default()
        };
        if *self.bus.connected().borrow() {
            let expected = memory.expected();
            let roll = self.bus.discover(&expected, ROLL_LIMIT);
            let (roll, standing) = tokio::join!(
                timeout(STANDING_LIMIT, roll),
                timeout(STANDING_LIMIT, self.standing())
            );
            seen.present = known("who is there", roll);
            seen.standing = known("how things stand", standing);
        }
        let picture = Arc::new(memory.picture(seen));
        self.newest.send_replace(Some(Arc::clone(&picture)));
        picture
    }

    async fn standing(&self) -> Result<Stock, CapacityError> {
        let standing = self.bus.stream_status().await?;
        let oldest = self.bus.oldest_unsettled(&standing).await?;
        let now = OffsetDateTime::now_utc();
        let backlog = |(name, group): (&String, &GroupStatus)| {
            let oldest = oldest.get(name).map(|stored| now - *stored);
            let backlog = Backlog {
                waiting: group.waiting,
                in_hand: group.in_hand,
                // The broker's clock may be ahead of this one.
                oldest: oldest.map(|age| age.try_into().unwrap_or_default()),
            };
            (name.clone(), backlog)
        };
        Ok(Stock {
            events: standing.events,
            bytes: standing.bytes,
            limit: standing.limit,
            last_sequence: standing.last_sequence,
            groups: standing.groups.iter().map(backlog).collect(),
            dead_letters: standing.dead_letters,
        })
    }
}

/// The result, if there was one in time. The page shows what is missing, so it is logged at debug level only.
fn known<T, E: std::error::Error, L>(what: &str, asked: Result<Result<T, E>, L>) -> Option<T> {
    match asked {
        Ok(Ok(known)) => Some(known),
        Ok(Err(error)) => {
            debug!(error = %error, "it is not known {what}");
            None
        }
        Err(_) => {
            debug!("it is not known in time {what}");
            None
        }
    }
}
