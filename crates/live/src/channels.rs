//! The most recent changes, and the channels that bring changes to the subscribers.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use events::ListName;
use tokio::sync::broadcast;

use crate::{LastEventId, Watched};

/// Number of changes that are kept for subscribers that reconnect after a moment; a few hundred bytes each.
const MAX_RECENT: usize = 4096;

/// Number of changes that a subscriber of some lists may be behind before it is reset, and the number for a
/// subscriber of all lists.
const CHANNEL_CAPACITY: usize = 128;
const ALL_CHANNEL_CAPACITY: usize = 2048;

/// A message for subscribers.
#[derive(Clone, Debug)]
pub(crate) enum ChannelEvent {
    /// An item was saved.
    Change(Change),
    /// Changes up to this sequence may have been missed.
    Reset(u64),
}

/// A change, written as a server-sent event.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) sequence: u64,
    pub(crate) frame: Bytes,
}

/// The first events for a new subscriber.
pub(crate) enum Admission {
    Nothing,
    Changes(Vec<Change>),
    /// The changes that it missed are older than those kept here.
    Older,
    Reset,
}

#[derive(Default)]
pub(crate) struct Channels {
    /// The sequence of the newest change, once the feed has begun.
    pub(crate) newest: Option<u64>,
    /// Every change after this sequence is among the recent ones.
    since: u64,
    recent: VecDeque<(ListName, Change)>,
    /// The channels of each list, and, under no name, those of all lists. A channel of several lists
    /// stands under each of them.
    lists: HashMap<Option<ListName>, Vec<Channel>>,
}

/// The channel of all subscribers that watch the same lists. It is one for all these lists, since their
/// changes have to come in the stream's order.
struct Channel {
    watched: Watched,
    news: broadcast::Sender<ChannelEvent>,
}

impl Channels {
    pub(crate) fn publish(&mut self, list: ListName, change: Change) {
        self.newest = Some(change.sequence);
        let list = Some(list);
        for watched in [&list, &None] {
            if let Some(channels) = self.lists.get_mut(watched) {
                let told = ChannelEvent::Change(change.clone());
                channels.retain(|channel| channel.news.send(told.clone()).is_ok());
                if channels.is_empty() {
                    self.lists.remove(watched);
                }
            }
        }
        if self.recent.len() == MAX_RECENT
            && let Some((_, oldest)) = self.recent.pop_front()
        {
            self.since = oldest.sequence;
        }
        self.recent.extend(list.map(|list| (list, change)));
    }

    /// Forgets all changes and channels; called when there are no subscribers.
    pub(crate) fn rest(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn begin(&mut self, after: u64) {
        self.newest = Some(after);
        self.since = after;
        self.recent.clear();
        self.remove_unused();
        for (list, channels) in &self.lists {
            // A channel stands under each of its lists, and gets one reset.
            let first = |channel: &&Channel| channel.watched.keys().first() == Some(list);
            for channel in channels.iter().filter(first) {
                // Sending fails if all subscribers have left.
                let _ = channel.news.send(ChannelEvent::Reset(after));
            }
        }
    }

    /// Subscribes to these lists, and returns with the newest sequence the first events. No change is missed
    /// between the two: both happen under one lock.
    pub(crate) fn admit(
        &mut self,
        watched: &Watched,
        place: LastEventId,
    ) -> (broadcast::Receiver<ChannelEvent>, u64, Admission) {
        let news = self.subscribe(watched);
        let Some(newest) = self.newest else {
            // As soon as the feed begins, every subscriber is reset.
            return (news, 0, Admission::Nothing);
        };
        let beginning = match place {
            LastEventId::Now => Admission::Nothing,
            LastEventId::Unknown => Admission::Reset,
            LastEventId::After(after) if after > newest => Admission::Reset,
            LastEventId::After(after) if after < self.since => Admission::Older,
            LastEventId::After(after) => Admission::Changes(self.recent(watched, after)),
        };
        (news, newest, beginning)
    }

    fn subscribe(&mut self, watched: &Watched) -> broadcast::Receiver<ChannelEvent> {
        let keys = watched.keys();
        let known = keys.first().and_then(|key| self.lists.get(key));
        let mut known = known.into_iter().flatten();
        if let Some(channel) = known.find(|channel| channel.watched == *watched) {
            return channel.news.subscribe();
        }
        self.remove_unused();
        let behind = match watched {
            Watched::All => ALL_CHANNEL_CAPACITY,
            Watched::Lists(_) => CHANNEL_CAPACITY,
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

    /// Forgets the channels that have no subscribers any more.
    fn remove_unused(&mut self) {
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
    use super::{Change, ChannelEvent, Channels, Watched};
    use crate::LastEventId;

    fn lists(names: &[&str]) -> Watched {
        Watched::lists(names.iter().map(|name| name.parse().unwrap()))
    }

    fn post(board: &mut Channels, sequence: u64, list: &str) {
        let frame = format!("{list} {sequence}").into();
        board.publish(list.parse().unwrap(), Change { sequence, frame });
    }

    #[test]
    fn who_watches_several_lists_is_told_of_each_in_order_and_of_a_beginning_once() {
        let mut board = Channels::default();
        let (mut both, ..) = board.admit(&lists(&["b", "a"]), LastEventId::Now);
        board.begin(6);
        for (sequence, list) in (7..).zip(["a", "c", "b", "a"]) {
            post(&mut board, sequence, list);
        }
        let told = std::iter::from_fn(|| both.try_recv().ok()).map(|news| match news {
            ChannelEvent::Change(change) => change.sequence,
            ChannelEvent::Reset(last) => last,
        });
        assert_eq!(told.collect::<Vec<_>>(), [6, 7, 9, 10]);
    }

    #[test]
    fn whoever_watches_the_same_shares_and_what_nobody_watches_is_forgotten() {
        let mut board = Channels::default();
        let (one, ..) = board.admit(&lists(&["a", "b"]), LastEventId::Now);
        let (other, ..) = board.admit(&lists(&["b", "a"]), LastEventId::Now);
        let (alone, ..) = board.admit(&lists(&["a"]), LastEventId::Now);
        let count = |board: &Channels| board.lists.values().map(Vec::len).sum::<usize>();
        assert_eq!(count(&board), 3);
        drop((one, other));
        let (_all, ..) = board.admit(&Watched::All, LastEventId::Now);
        assert_eq!(count(&board), 2);
        drop(alone);
        post(&mut board, 1, "a");
        assert_eq!(count(&board), 1);
    }
}
