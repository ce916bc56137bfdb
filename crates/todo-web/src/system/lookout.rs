//! Looking at the whole system, as often as somebody wants to see it and no more.

use std::{sync::Arc, time::Duration};

use bus::{Bus, GroupStanding, RoomError};
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

/// How long members may take to answer, and how long the broker may take to say how things stand.
const ROLL_LIMIT: Duration = Duration::from_millis(300);
const STANDING_LIMIT: Duration = Duration::from_millis(500);

/// How old a picture may be, and how often a new one is taken while somebody watches.
const PACE: Duration = Duration::from_secs(1);

/// How long a page waits to hear how much is not saved, and how long that is told again.
const UNSAVED_LIMIT: Duration = Duration::from_millis(300);

/// The group that saves what happens to items.
const SAVERS: &str = "save-handler";

/// Takes pictures of the system, one at a time, for everybody who wants to see it.
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

    /// A picture that is less than a second old.
    ///
    /// Cancel safe: what was not seen to the end is forgotten.
    pub(crate) async fn picture(&self) -> Arc<Picture> {
        let mut memory = self.memory.lock().await;
        let newest = self.newest.borrow().clone();
        match newest.filter(|picture| picture.taken.elapsed() < PACE) {
            Some(picture) => picture,
            None => self.look(&mut memory).await,
        }
    }

    /// What is accepted and not saved yet, at most a second ago; nothing if the broker does not say so in time.
    /// The savers also get what tells of their own saves, which for a moment is among it.
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
            // Where there are no savers yet nothing is saved.
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

    /// Every picture from now on, the newest at any time. As long as somebody has this, a picture is
    /// taken every second.
    pub(super) fn watch(&self) -> watch::Receiver<Option<Arc<Picture>>> {
        let newest = self.newest.subscribe();
        self.somebody_came.notify_one();
        newest
    }

    /// Takes pictures while somebody watches, for ever.
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
            let roll = self.bus.roll_call(&expected, ROLL_LIMIT);
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

    async fn standing(&self) -> Result<Stock, RoomError> {
        let standing = self.bus.standing().await?;
        let oldest = self.bus.oldest_unsettled(&standing).await?;
        let now = OffsetDateTime::now_utc();
        let backlog = |(name, group): (&String, &GroupStanding)| {
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

/// What was learned in time. The page shows what was not, so that it is no news for the log.
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
