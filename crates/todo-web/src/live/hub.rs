//! One feed from the broker, handed on to all browsers.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bus::{Bus, Fed, Start};
use bytes::Bytes;
use events::{Event, ItemSaved, ListName, TodoEvent};
use tokio::{
    sync::{Semaphore, broadcast},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{Place, visitor::Visitor};

/// How many changes are kept for browsers that were away for a moment; a few hundred bytes each.
const RECENT: usize = 4096;

/// How many changes of its list a browser may be behind before it is reset.
const BEHIND: usize = 128;

/// How many changes a browser that comes back is given at most; with more, a fresh page is cheaper.
const REPLAYED: usize = 5_000;

/// How many browsers at a time are given what is not among the recent changes any more, and how long
/// reading it from the stream may take.
const REPLAYS: usize = 8;
const REPLAY_LIMIT: Duration = Duration::from_secs(5);

/// What browsers are told.
#[derive(Clone, Debug)]
pub(super) enum News {
    /// An item was saved.
    Change(Change),
    /// Something may have been missed up to this sequence.
    Reset(u64),
}

/// A change as it goes over the wire.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) sequence: u64,
    pub(super) frame: Bytes,
}

/// What browsers have to know, and who wants to.
pub(crate) struct Hub {
    bus: Bus,
    stop: CancellationToken,
    replays: Semaphore,
    board: Mutex<Board>,
}

#[derive(Default)]
struct Board {
    /// The sequence of the newest change, once the feed has begun.
    newest: Option<u64>,
    /// Every change after this sequence is among the recent ones.
    since: u64,
    recent: VecDeque<(ListName, Change)>,
    lists: HashMap<ListName, broadcast::Sender<News>>,
}

/// What a browser that comes gets first.
enum Beginning {
    Nothing,
    Changes(Vec<Change>),
    /// What it missed is older than what is kept here.
    Older,
    Reset,
}

impl Hub {
    /// A hub that ends its streams at the stop, so that open ones do not hold it up.
    pub(crate) fn new(bus: Bus, stop: CancellationToken) -> Self {
        Self {
            bus,
            stop,
            replays: Semaphore::new(REPLAYS),
            board: Mutex::default(),
        }
    }

    /// The sequence that a page rendered from now on is not older than: what was saved up to it is in
    /// the database. 0 while nothing is known.
    pub(crate) fn last(&self) -> u64 {
        self.board().newest.unwrap_or_default()
    }

    /// Hands on what is saved, for ever.
    pub(crate) async fn run(&self) {
        let mut feed = self.bus.feed(ItemSaved::SUBJECT, Start::Now);
        loop {
            match feed.next::<TodoEvent>().await {
                Fed::Event(received) => {
                    if let TodoEvent::Saved(saved) = &received.event {
                        let change = Change::new(received.origin.sequence, saved);
                        self.board().post(saved.list.clone(), change);
                    }
                }
                Fed::Begins { after } => self.board().begin(after),
                Fed::CaughtUp => {}
            }
        }
    }

    /// Takes in a browser that watches `list`. Waits only if it was away for so long that the stream
    /// has to be asked what it missed.
    pub(super) async fn welcome(self: &Arc<Self>, list: ListName, place: Place) -> Visitor {
        let (news, newest, beginning) = self.board().admit(&list, place);
        let visitor = Visitor::new(Arc::clone(self), news, self.stop.clone());
        match (beginning, place) {
            (Beginning::Nothing, _) => visitor.told(newest, []),
            (Beginning::Changes(changes), _) => visitor.told(newest, changes),
            (Beginning::Older, Place::After(after)) => match self.stored(&list, after).await {
                Some(changes) => visitor.told(newest, changes),
                None => visitor.reset(newest),
            },
            (Beginning::Older | Beginning::Reset, _) => visitor.reset(newest),
        }
    }

    /// What the stream has of a list after a sequence; `None` if it has not all of it, or too much.
    async fn stored(&self, list: &ListName, after: u64) -> Option<Vec<Change>> {
        let reading = async {
            let _turn = self.replays.acquire().await.ok()?;
            let mut feed = self.bus.feed(ItemSaved::SUBJECT, Start::After(after));
            let mut changes = Vec::new();
            while changes.len() <= REPLAYED {
                match feed.next::<TodoEvent>().await {
                    Fed::Event(received) => match &received.event {
                        TodoEvent::Saved(saved) if saved.list == *list => {
                            changes.push(Change::new(received.origin.sequence, saved));
                        }
                        _ => {}
                    },
                    Fed::CaughtUp => return Some(changes),
                    Fed::Begins { .. } => return None,
                }
            }
            None
        };
        timeout(REPLAY_LIMIT, reading).await.ok().flatten()
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        // Nothing that holds it can leave it half changed.
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Board {
    fn post(&mut self, list: ListName, change: Change) {
        self.newest = Some(change.sequence);
        if let Some(channel) = self.lists.get(&list)
            && channel.send(News::Change(change.clone())).is_err()
        {
            self.lists.remove(&list);
        }
        if self.recent.len() == RECENT
            && let Some((_, oldest)) = self.recent.pop_front()
        {
            self.since = oldest.sequence;
        }
        self.recent.push_back((list, change));
    }

    fn begin(&mut self, after: u64) {
        self.newest = Some(after);
        self.since = after;
        self.recent.clear();
        self.lists
            .retain(|_, channel| channel.send(News::Reset(after)).is_ok());
    }

    /// Whoever is admitted misses nothing from here on: both happen under one lock.
    fn admit(
        &mut self,
        list: &ListName,
        place: Place,
    ) -> (broadcast::Receiver<News>, u64, Beginning) {
        let news = if let Some(channel) = self.lists.get(list) {
            channel.subscribe()
        } else {
            self.lists.retain(|_, channel| channel.receiver_count() > 0);
            let (channel, news) = broadcast::channel(BEHIND);
            self.lists.insert(list.clone(), channel);
            news
        };
        let Some(newest) = self.newest else {
            // As soon as the feed begins, everybody is reset.
            return (news, 0, Beginning::Nothing);
        };
        let beginning = match place {
            Place::Now => Beginning::Nothing,
            Place::Unknown => Beginning::Reset,
            Place::After(after) if after > newest => Beginning::Reset,
            Place::After(after) if after < self.since => Beginning::Older,
            Place::After(after) => Beginning::Changes(self.recent(list, after)),
        };
        (news, newest, beginning)
    }

    fn recent(&self, list: &ListName, after: u64) -> Vec<Change> {
        let first = self
            .recent
            .partition_point(|(_, change)| change.sequence <= after);
        let missed = self.recent.range(first..);
        missed
            .filter(|(of, _)| of == list)
            .map(|(_, change)| change.clone())
            .collect()
    }
}

impl Change {
    fn new(sequence: u64, saved: &ItemSaved) -> Self {
        let data = serde_json::to_string(saved).unwrap_or_default();
        Self {
            sequence,
            frame: format!("id: {sequence}\nevent: saved\ndata: {data}\n\n").into(),
        }
    }
}
