//! One browser that listens.

use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, stream::unfold};
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::hub::{Change, Hub, News};

/// After how long without news the browser, and whatever is in between, hears that all is well.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// After how many milliseconds a browser that was cut off comes back.
const RETRY_MS: u32 = 1_000;

pub(super) struct Visitor {
    hub: Arc<Hub>,
    news: Receiver<News>,
    stop: CancellationToken,
    /// What is to be sent before any news.
    first: VecDeque<Bytes>,
    /// The last sequence that it has heard of.
    told: u64,
}

impl Visitor {
    pub(super) fn new(hub: Arc<Hub>, news: Receiver<News>, stop: CancellationToken) -> Self {
        metrics::gauge!("live_browsers").increment(1);
        Self {
            hub,
            news,
            stop,
            first: VecDeque::new(),
            told: 0,
        }
    }

    /// Begins with `changes`, after which it has heard of everything up to `last`.
    pub(super) fn told(mut self, last: u64, changes: impl IntoIterator<Item = Change>) -> Self {
        // Without data it is no event, and yet the browser takes the id for when it comes back.
        let greeting = format!("retry: {RETRY_MS}\n\n");
        self.first.push_back(greeting.into());
        self.told = last;
        for change in changes {
            self.told = self.told.max(change.sequence);
            self.first.push_back(change.frame);
        }
        self.first
            .push_back(format!("id: {}\n\n", self.told).into());
        self
    }

    /// Begins with a reset.
    pub(super) fn reset(mut self, last: u64) -> Self {
        self = self.told(last, []);
        self.first.push_back(reset(last));
        self
    }

    /// The body of the answer. It ends at the stop.
    pub(super) fn into_stream(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        unfold(self, async |mut visitor| {
            let next = visitor.next().await?;
            Some((Ok(next), visitor))
        })
    }

    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.pop_front() {
            return Some(first);
        }
        loop {
            let news = tokio::select! {
                () = self.stop.cancelled() => return None,
                news = timeout(KEEP_ALIVE, self.news.recv()) => news,
            };
            match news {
                Err(_) => return Some(Bytes::from_static(b":\n\n")),
                Ok(Ok(News::Change(change))) if change.sequence <= self.told => {}
                Ok(Ok(News::Change(change))) => {
                    self.told = change.sequence;
                    return Some(change.frame);
                }
                Ok(Ok(News::Reset(last))) => {
                    self.told = last;
                    return Some(reset(last));
                }
                Ok(Err(RecvError::Lagged(_))) => {
                    // It reads too slowly; what it missed is left out.
                    metrics::counter!("live_resets_total").increment(1);
                    self.news = self.news.resubscribe();
                    self.told = self.hub.last();
                    return Some(reset(self.told));
                }
                Ok(Err(RecvError::Closed)) => return None,
            }
        }
    }
}

impl Drop for Visitor {
    fn drop(&mut self) {
        metrics::gauge!("live_browsers").decrement(1);
    }
}

fn reset(last: u64) -> Bytes {
    format!("id: {last}\nevent: reset\ndata: {{}}\n\n").into()
}
