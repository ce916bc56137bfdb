//! One subscriber.

use std::{collections::VecDeque, convert::Infallible, mem};

use bytes::Bytes;
use futures_util::{Stream, stream::unfold};
use tokio::{
    sync::{
        OwnedSemaphorePermit,
        broadcast::{Receiver, error::RecvError},
    },
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use service::http::push;

use crate::{
    channels::{Change, ChannelEvent},
    hub::SubscriberGuard,
    replay::{Replay, ReplayExpired},
};

/// One subscriber, which gets changes until it is dropped.
pub struct Subscriber {
    attendance: SubscriberGuard,
    news: Receiver<ChannelEvent>,
    stop: CancellationToken,
    /// The events to be sent first.
    first: VecDeque<Bytes>,
    /// The changes to be sent after those and before any new ones, if the stream had to be read.
    replay: Option<Replay>,
    /// The last sequence up to which it has got everything.
    told: u64,
}

impl Subscriber {
    pub(crate) fn new(
        attendance: SubscriberGuard,
        news: Receiver<ChannelEvent>,
        stop: CancellationToken,
    ) -> Self {
        Self {
            attendance,
            news,
            stop,
            first: VecDeque::new(),
            replay: None,
            told: 0,
        }
    }

    /// Begins with `changes`, after which it has got everything up to `last`.
    pub(crate) fn with_missed(
        mut self,
        last: u64,
        changes: impl IntoIterator<Item = Change>,
    ) -> Self {
        self.first.push_back(push::retry_hint());
        self.told = last;
        for change in changes {
            self.told = self.told.max(change.sequence);
            self.first.push_back(change.frame);
        }
        // A block without data dispatches no event, but a browser takes its id as the last event id.
        self.first
            .push_back(format!("id: {}\n\n", self.told).into());
        self
    }

    /// Begins with `changes` that were read from the stream and are nowhere else in memory. `turn` is the
    /// permit to keep them.
    pub(crate) fn replayed(
        mut self,
        last: u64,
        turn: OwnedSemaphorePermit,
        changes: impl IntoIterator<Item = Change>,
    ) -> Self {
        self = self.with_missed(last, changes);
        self.replay = Some(Replay::new(turn, mem::take(&mut self.first)));
        self
    }

    /// Begins with a reset.
    pub(crate) fn reset(mut self, last: u64) -> Self {
        self = self.with_missed(last, []);
        self.first.push_back(reset(last));
        self
    }

    /// Returns the body of the response. It ends at shutdown.
    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        unfold(self, async |mut visitor| {
            let next = visitor.next().await?;
            Some((Ok(next), visitor))
        })
    }

    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.pop_front() {
            return Some(first);
        }
        match self.replay.as_ref().map(Replay::next) {
            Some(Ok(Some(next))) => return Some(next),
            Some(Err(ReplayExpired)) => return Some(self.restart()),
            Some(Ok(None)) | None => self.replay = None,
        }
        loop {
            let news = tokio::select! {
                () = self.stop.cancelled() => return None,
                news = timeout(push::KEEP_ALIVE, self.news.recv()) => news,
            };
            match news {
                Err(_) => return Some(self.keep_alive()),
                Ok(Ok(ChannelEvent::Change(change))) if change.sequence <= self.told => {}
                Ok(Ok(ChannelEvent::Change(change))) => {
                    self.told = change.sequence;
                    return Some(change.frame);
                }
                Ok(Ok(ChannelEvent::Reset(last))) => {
                    self.told = last;
                    return Some(reset(last));
                }
                Ok(Err(RecvError::Lagged(_))) => return Some(self.restart()),
                Ok(Err(RecvError::Closed)) => return None,
            }
        }
    }

    /// Returns a keep-alive. If it is an event, its id is the newest sequence, if that can be: when the
    /// subscriber reconnects, nothing before that has to be searched.
    fn keep_alive(&mut self) -> Bytes {
        let hub = self.attendance.hub();
        if !hub.kind().hears_beats {
            return push::keep_alive();
        }
        let newest = hub.last_if_idle(&self.news).unwrap_or_default();
        self.told = self.told.max(newest);
        push::beat(Some(self.told))
    }

    /// Resets a subscriber that reads too slowly. The changes that it missed are left out.
    fn restart(&mut self) -> Bytes {
        metrics::counter!("live_resets_total").increment(1);
        self.replay = None;
        self.news = self.news.resubscribe();
        self.told = self.attendance.hub().last();
        reset(self.told)
    }
}

fn reset(last: u64) -> Bytes {
    format!("id: {last}\nevent: reset\ndata: {{}}\n\n").into()
}
