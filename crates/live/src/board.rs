//! The changes that were saved lately, and the visitors who are told of them.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use events::ListName;
use tokio::sync::broadcast;

use crate::{Place, Watched};

/// How many changes are kept for visitors that were away for a moment; a few hundred bytes each.
const RECENT: usize = 4096;

/// How many changes of its lists a visitor may be behind before it is reset, and how many of all lists.
const BEHIND: usize = 128;
const BEHIND_ALL: usize = 2048;

/// What visitors are told.
#[derive(Clone, Debug)]
pub(crate) enum News {
    /// An item was saved.
    Change(Change),
    /// Something may have been missed up to this sequence.
    Reset(u64),
}

/// A change as it goes over the wire.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) sequence: u64,
    pub(crate) frame: Bytes,
}

/// What a visitor that comes gets first.
pub(crate) enum Beginning {
    Nothing,
    Changes(Vec<Change>),
    /// What it missed is older than what is kept here.
    Older,
    Reset,
}

#[derive(Default)]
pub(crate) struct Board {
    /// The sequence of the newest change, once the feed has begun.
    pub(crate) newest: Option<u64>,
    /// Every change after this sequence is among the recent ones.
    since: u64,
    recent: VecDeque<(ListName, Change)>,
    /// By which channels a change of a list is told, and, under no name, by which all changes are. A
    /// channel of several lists stands under each of them.
    lists: HashMap<Option<ListName>, Vec<Channel>>,
}

/// Visitors who watch the same lists. What they are told comes by one channel, since it has to come in the stream's
/// order, whichever of the lists it is of.
struct Channel {
    watched: Watched,
    news: broadcast::Sender<News>,
}

impl Board {
    pub(crate) fn post(&mut self, list: ListName, change: Change) {
        self.newest = Some(change.sequence);
        let list = Some(list);
        for watched in [&list, &None] {
            if let Some(channels) = self.lists.get_mut(watched) {
                let told = News::Change(change.clone());
                channels.retain(|channel| channel.news.send(told.clone()).is_ok());
                if channels.is_empty() {
                    self.lists.remove(watched);
                }
            }
        }
        if self.recent.len() == RECENT
            && let Some((_, oldest)) = self.recent.pop_front()
        {
            self.since = oldest.sequence;
        }
        self.recent.extend(list.map(|list| (list, change)));
    }

    /// Forgets what it knows; nobody watches.
    pub(crate) fn rest(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn begin(&mut self, after: u64) {
        self.newest = Some(after);
        self.since = after;
        self.recent.clear();
        self.tidy();
        for (list, channels) in &self.lists {
            // It stands elsewhere too, and is told once.
            let first = |channel: &&Channel| channel.watched.keys().first() == Some(list);
            for channel in channels.iter().filter(first) {
                // Nobody is there to be told if all have left.
                let _ = channel.news.send(News::Reset(after));
            }
        }
    }

    /// Whoever is admitted misses nothing from here on: both happen under one lock.
    pub(crate) fn admit(
        &mut self,
        watched: &Watched,
        place: Place,
    ) -> (broadcast::Receiver<News>, u64, Beginning) {
        let news = self.subscribe(watched);
        let Some(newest) = self.newest else {
            // As soon as the feed begins, everybody is reset.
            return (news, 0, Beginning::Nothing);
        };
        let beginning = match place {
            Place::Now => Beginning::Nothing,
            Place::Unknown => Beginning::Reset,
            Place::After(after) if after > newest => Beginning::Reset,
            Place::After(after) if after < self.since => Beginning::Older,
            Place::After(after) => Beginning::Changes(self.recent(watched, after)),
        };
        (news, newest, beginning)
    }

    fn subscribe(&mut self, watched: &Watched) -> broadcast::Receiver<News> {
        let keys = watched.keys();
        let known = keys.first().and_then(|key| self.lists.get(key));
        let mut known = known.into_iter().flatten();
        if let Some(channel) = known.find(|channel| channel.watched == *watched) {
            return channel.news.subscribe();
        }
        self.tidy();
        let behind = match watched {
            Watched::All => BEHIND_ALL,
            Watched::Lists(_) => BEHIND,
        };
        let (sender, news) = broadcast::channel(behind);
        for key in keys {
            self.lists.entry(key).or_default().push(Channel {
                watched: watched.clone(),
                news: sender.clone(),
            });
        }
        news
    }

    /// Forgets the channels by which nobody is told any more.
    fn tidy(&mut self) {
        self.lists.retain(|_, channels| {
            channels.retain(|channel| channel.news.receiver_count() > 0);
            !channels.is_empty()
        });
    }

    fn recent(&self, watched: &Watched, after: u64) -> Vec<Change> {
        let first = self
            .recent
            .partition_point(|(_, change)| change.sequence <= after);
        let missed = self.recent.range(first..);
        missed
            .filter(|(of, _)| watched.has(of))
            .map(|(_, change)| change.clone())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Board, Change, News, Watched};
    use crate::Place;

    fn lists(names: &[&str]) -> Watched {
        Watched::lists(names.iter().map(|name| name.parse().unwrap()))
    }

    fn post(board: &mut Board, sequence: u64, list: &str) {
        let frame = format!("{list} {sequence}").into();
        board.post(list.parse().unwrap(), Change { sequence, frame });
    }

    #[test]
    fn who_watches_several_lists_is_told_of_each_in_order_and_of_a_beginning_once() {
        let mut board = Board::default();
        let (mut both, ..) = board.admit(&lists(&["b", "a"]), Place::Now);
        board.begin(6);
        for (sequence, list) in (7..).zip(["a", "c", "b", "a"]) {
            post(&mut board, sequence, list);
        }
        let told = std::iter::from_fn(|| both.try_recv().ok()).map(|news| match news {
            News::Change(change) => change.sequence,
            News::Reset(last) => last,
        });
        assert_eq!(told.collect::<Vec<_>>(), [6, 7, 9, 10]);
    }

    #[test]
    fn whoever_watches_the_same_shares_and_what_nobody_watches_is_forgotten() {
        let mut board = Board::default();
        let (one, ..) = board.admit(&lists(&["a", "b"]), Place::Now);
        let (other, ..) = board.admit(&lists(&["b", "a"]), Place::Now);
        let (alone, ..) = board.admit(&lists(&["a"]), Place::Now);
        let count = |board: &Board| board.lists.values().map(Vec::len).sum::<usize>();
        assert_eq!(count(&board), 3);
        drop((one, other));
        let (_all, ..) = board.admit(&Watched::All, Place::Now);
        assert_eq!(count(&board), 2);
        drop(alone);
        post(&mut board, 1, "a");
        assert_eq!(count(&board), 1);
    }
}
