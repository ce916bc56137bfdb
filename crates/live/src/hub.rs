//! One feed from the broker, handed on to all visitors.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bus::{Bus, Fed, Start};
use events::{Event, ItemSaved, TodoEvent};
use service::http::to_json;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, broadcast, watch},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::{
    Place, Visitor, Watched,
    board::{Beginning, Board, Change, News},
};

/// How many changes a visitor that comes back is given at most; with more, a fresh state is cheaper.
const REPLAYED: usize = 5_000;

/// How many visitors at a time are given what is not among the recent changes any more, until they have read it,
/// and how long it may take until one has its turn and the stream has told. Who would have to wait longer,
/// because others read slowly, is reset.
const REPLAYS: usize = 8;
const REPLAY_LIMIT: Duration = Duration::from_secs(5);

/// How long the feed goes on when the last visitor has left.
const LINGERING: Duration = Duration::from_mins(1);

/// Who the visitors are, and how they are spoken to.
#[derive(Clone, Copy, Debug)]
pub struct Audience {
    /// The name of the event that tells of a saved item.
    pub event: &'static str,
    /// The gauge that counts the visitors.
    pub gauge: &'static str,
    /// True if an event tells them that all is well: a browser's script hears of no comment.
    pub hears_beats: bool,
}

/// What visitors have to know, and who wants to.
pub struct Hub {
    bus: Bus,
    stop: CancellationToken,
    audience: Audience,
    replays: Arc<Semaphore>,
    board: Mutex<Board>,
    /// How many visitors there are.
    visitors: watch::Sender<usize>,
    /// Whether the feed has begun.
    begun: watch::Sender<bool>,
}

/// A visitor, as long as it is there.
pub(crate) struct Attendance(Arc<Hub>);

impl Hub {
    /// A hub that ends its streams at the stop, so that open ones do not hold it up.
    pub fn new(bus: Bus, stop: CancellationToken, audience: Audience) -> Self {
        Self {
            bus,
            stop,
            audience,
            replays: Arc::new(Semaphore::new(REPLAYS)),
            board: Mutex::default(),
            visitors: watch::Sender::new(0),
            begun: watch::Sender::new(false),
        }
    }

    /// The sequence that a state read from now on is not older than: what was saved up to it is in
    /// the database. 0 while nothing is known.
    pub fn last(&self) -> u64 {
        self.board().newest.unwrap_or_default()
    }

    /// Hands on what is saved, for ever.
    pub async fn run(&self) {
        let mut feed = self.bus.feed(ItemSaved::SUBJECT, Start::Now);
        loop {
            match feed.next::<TodoEvent>().await {
                Fed::Event(received) => {
                    if let TodoEvent::Saved(saved) = &received.event {
                        let change = self.change(received.origin.sequence, saved);
                        self.board().post(saved.list.clone(), change);
                    }
                }
                Fed::Begins { after } => {
                    self.board().begin(after);
                    self.begun.send_replace(true);
                }
                Fed::CaughtUp => {}
            }
        }
    }

    /// The same, but only while somebody watches, and a minute longer: for services that are not there for
    /// watching.
    pub async fn run_while_watched(&self) {
        let mut visitors = self.visitors.subscribe();
        // The sender lives as long as `self`.
        while visitors.wait_for(|count| *count > 0).await.is_ok() {
            tokio::select! {
                () = self.run() => {}
                () = deserted(&mut visitors) => {}
            }
            self.begun.send_replace(false);
            self.board().rest();
        }
    }

    /// Takes in a visitor that watches some lists, or all of them, when the feed has begun or `patience` is over.
    /// Waits longer only if the visitor was away for so long that the stream has to be asked what it
    /// missed.
    pub async fn welcome(
        self: &Arc<Self>,
        watched: impl Into<Watched>,
        place: Place,
        patience: Duration,
    ) -> Visitor {
        let watched = watched.into();
        let attendance = Attendance::new(self);
        let mut begun = self.begun.subscribe();
        let _ = timeout(patience, begun.wait_for(|begun| *begun)).await;
        let (news, newest, beginning) = self.board().admit(&watched, place);
        let visitor = Visitor::new(attendance, news, self.stop.clone());
        match (beginning, place) {
            (Beginning::Nothing, _) => visitor.told(newest, []),
            (Beginning::Changes(changes), _) => visitor.told(newest, changes),
            (Beginning::Older, Place::After(after)) => match self.stored(&watched, after).await {
                Some((turn, changes)) => visitor.replayed(newest, turn, changes),
                None => visitor.reset(newest),
            },
            (Beginning::Older | Beginning::Reset, _) => visitor.reset(newest),
        }
    }

    /// What the stream has of these lists after a sequence, with the turn to keep it; `None` if it has not all of it,
    /// or too much.
    async fn stored(
        &self,
        watched: &Watched,
        after: u64,
    ) -> Option<(OwnedSemaphorePermit, Vec<Change>)> {
        let reading = async {
            let turn = Arc::clone(&self.replays).acquire_owned().await.ok()?;
            let mut feed = self.bus.feed(ItemSaved::SUBJECT, Start::After(after));
            let mut changes = Vec::new();
            while changes.len() <= REPLAYED {
                match feed.next::<TodoEvent>().await {
                    Fed::Event(received) => match &received.event {
                        TodoEvent::Saved(saved) if watched.has(&saved.list) => {
                            changes.push(self.change(received.origin.sequence, saved));
                        }
                        _ => {}
                    },
                    Fed::CaughtUp => return Some((turn, changes)),
                    Fed::Begins { .. } => return None,
                }
            }
            None
        };
        timeout(REPLAY_LIMIT, reading).await.ok().flatten()
    }

    /// The newest sequence, if a visitor has been told of everything of its lists up to there.
    pub(crate) fn all_told(&self, news: &broadcast::Receiver<News>) -> Option<u64> {
        // What is posted is there for all visitors before the board can be read again.
        let board = self.board();
        board.newest.filter(|_| news.is_empty())
    }

    pub(crate) fn audience(&self) -> Audience {
        self.audience
    }

    fn change(&self, sequence: u64, saved: &ItemSaved) -> Change {
        let event = self.audience.event;
        let mut frame = format!("id: {sequence}\nevent: {event}\ndata: ").into_bytes();
        frame.extend(to_json(saved));
        frame.extend(b"\n\n");
        Change {
            sequence,
            frame: frame.into(),
        }
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        // Nothing that holds it can leave it half changed.
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attendance {
    fn new(hub: &Arc<Hub>) -> Self {
        hub.visitors.send_modify(|count| *count += 1);
        metrics::gauge!(hub.audience.gauge).increment(1);
        Self(Arc::clone(hub))
    }

    pub(crate) fn hub(&self) -> &Hub {
        &self.0
    }
}

impl Drop for Attendance {
    fn drop(&mut self) {
        self.0.visitors.send_modify(|count| *count -= 1);
        metrics::gauge!(self.0.audience.gauge).decrement(1);
    }
}

/// Waits until nobody has been there for a while.
async fn deserted(visitors: &mut watch::Receiver<usize>) {
    while visitors.wait_for(|count| *count == 0).await.is_ok() {
        let back = timeout(LINGERING, visitors.wait_for(|count| *count > 0));
        if back.await.is_err() {
            return;
        }
    }
}
