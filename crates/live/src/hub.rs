//! One feed from the broker, distributed to all subscribers.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bus::{Bus, FeedItem, Start};
use events::{Event, ItemSaved, TodoEvent};
use service::http::to_json;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, broadcast, watch},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::{
    LastEventId, Subscriber, Watched,
    channels::{Admission, Change, ChannelEvent, Channels},
};

/// Greatest number of changes that a subscriber that reconnects is sent; with more, a fresh state is cheaper.
const MAX_REPLAYED: usize = 5_000;

/// Number of concurrent replays, of changes that are not among the recent ones any more, from the start of
/// reading the stream until the subscriber has read them all; and the time after which a subscriber is reset
/// instead if it has not got a permit, because others read slowly, and the changes from the stream.
const MAX_CONCURRENT_REPLAYS: usize = 8;
const REPLAY_TIMEOUT: Duration = Duration::from_secs(5);

/// Time for which the feed goes on when the last subscriber has left.
const LINGER: Duration = Duration::from_mins(1);

/// The kind of subscribers that a hub has.
#[derive(Clone, Copy, Debug)]
pub struct ChannelKind {
    /// The name of the server-sent event for a saved item.
    pub event: &'static str,
    /// The name of the gauge of subscribers.
    pub gauge: &'static str,
    /// True if the keep-alive is an event instead of a comment: a browser's script gets no comments.
    pub hears_beats: bool,
}

/// The hub between the feed and the subscribers of this process.
pub struct Hub {
    bus: Bus,
    stop: CancellationToken,
    audience: ChannelKind,
    replays: Arc<Semaphore>,
    board: Mutex<Channels>,
    /// The number of subscribers.
    visitors: watch::Sender<usize>,
    /// True if the feed has begun.
    begun: watch::Sender<bool>,
}

/// Counts a subscriber until it is dropped.
pub(crate) struct SubscriberGuard(Arc<Hub>);

impl Hub {
    /// Makes a hub that ends its event streams when `stop` is cancelled, so that open ones do not delay the
    /// shutdown.
    pub fn new(bus: Bus, stop: CancellationToken, audience: ChannelKind) -> Self {
        Self {
            bus,
            stop,
            audience,
            replays: Arc::new(Semaphore::new(MAX_CONCURRENT_REPLAYS)),
            board: Mutex::default(),
            visitors: watch::Sender::new(0),
            begun: watch::Sender::new(false),
        }
    }

    /// Returns the sequence of the newest change. A state that is read from the database from now on contains
    /// every change up to it. 0 while the feed has not begun.
    pub fn last(&self) -> u64 {
        self.channels().newest.unwrap_or_default()
    }

    /// Distributes saved items, for ever.
    pub async fn run(&self) {
        let mut feed = self.bus.feed(ItemSaved::SUBJECT, Start::Now);
        loop {
            match feed.next::<TodoEvent>().await {
                FeedItem::Event(received) => {
                    if let TodoEvent::Saved(saved) = &received.event {
                        let change = self.change(received.origin.sequence, saved);
                        self.channels().publish(saved.list.clone(), change);
                    }
                }
                FeedItem::Begins { after } => {
                    self.channels().begin(after);
                    self.begun.send_replace(true);
                }
                FeedItem::CaughtUp => {}
            }
        }
    }

    /// Runs the feed only while there are subscribers, and a minute longer: for services whose purpose is
    /// another one.
    pub async fn run_while_watched(&self) {
        let mut visitors = self.visitors.subscribe();
        // The sender lives as long as `self`.
        while visitors.wait_for(|count| *count > 0).await.is_ok() {
            tokio::select! {
                () = self.run() => {}
                () = no_subscribers(&mut visitors) => {}
            }
            self.begun.send_replace(false);
            self.channels().rest();
        }
    }

    /// Subscribes to some lists, or to all of them, when the feed has begun or `patience` is over. Waits
    /// longer, up to 5 s, only if the subscriber was away for so long that the changes that it missed have
    /// to be read from the stream.
    pub async fn subscribe(
        self: &Arc<Self>,
        watched: impl Into<Watched>,
        place: LastEventId,
        patience: Duration,
    ) -> Subscriber {
        let watched = watched.into();
        let attendance = SubscriberGuard::new(self);
        let mut begun = self.begun.subscribe();
        let _ = timeout(patience, begun.wait_for(|begun| *begun)).await;
        let (news, newest, beginning) = self.channels().admit(&watched, place);
        let visitor = Subscriber::new(attendance, news, self.stop.clone());
        match (beginning, place) {
            (Admission::Nothing, _) => visitor.with_missed(newest, []),
            (Admission::Changes(changes), _) => visitor.with_missed(newest, changes),
            (Admission::Older, LastEventId::After(after)) => {
                match self.stored(&watched, after).await {
                    Some((turn, changes)) => visitor.replayed(newest, turn, changes),
                    None => visitor.reset(newest),
                }
            }
            (Admission::Older | Admission::Reset, _) => visitor.reset(newest),
        }
    }

    /// Reads the changes of these lists after a sequence from the stream, and returns them with the permit
    /// for a replay; `None` if the stream does not have all of them any more, if they are too many, or if it
    /// takes too long.
    async fn stored(
        &self,
        watched: &Watched,
        after: u64,
    ) -> Option<(OwnedSemaphorePermit, Vec<Change>)> {
        let reading = async {
            let turn = Arc::clone(&self.replays).acquire_owned().await.ok()?;
            let mut feed = self.bus.feed(ItemSaved::SUBJECT, Start::After(after));
            let mut changes = Vec::new();
            while changes.len() <= MAX_REPLAYED {
                match feed.next::<TodoEvent>().await {
                    FeedItem::Event(received) => match &received.event {
                        TodoEvent::Saved(saved) if watched.has(&saved.list) => {
                            changes.push(self.change(received.origin.sequence, saved));
                        }
                        _ => {}
                    },
                    FeedItem::CaughtUp => return Some((turn, changes)),
                    FeedItem::Begins { .. } => return None,
                }
            }
            None
        };
        timeout(REPLAY_TIMEOUT, reading).await.ok().flatten()
    }

    /// Returns the newest sequence, if the subscriber with this channel has received every change of its
    /// lists up to it.
    pub(crate) fn last_if_idle(&self, news: &broadcast::Receiver<ChannelEvent>) -> Option<u64> {
        // A change is in every channel before the board can be locked again.
        let board = self.channels();
        board.newest.filter(|_| news.is_empty())
    }

    pub(crate) fn kind(&self) -> ChannelKind {
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

    fn channels(&self) -> MutexGuard<'_, Channels> {
        // No code that holds the lock can leave the board half changed.
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SubscriberGuard {
    fn new(hub: &Arc<Hub>) -> Self {
        hub.visitors.send_modify(|count| *count += 1);
        metrics::gauge!(hub.audience.gauge).increment(1);
        Self(Arc::clone(hub))
    }

    pub(crate) fn hub(&self) -> &Hub {
        &self.0
    }
}

impl Drop for SubscriberGuard {
    fn drop(&mut self) {
        self.0.visitors.send_modify(|count| *count -= 1);
        metrics::gauge!(self.0.audience.gauge).decrement(1);
    }
}

/// Waits until there has been no subscriber for [`LINGERING`].
async fn no_subscribers(visitors: &mut watch::Receiver<usize>) {
    while visitors.wait_for(|count| *count == 0).await.is_ok() {
        let back = timeout(LINGER, visitors.wait_for(|count| *count > 0));
        if back.await.is_err() {
            return;
        }
    }
}
