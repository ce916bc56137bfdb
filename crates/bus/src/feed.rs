//! The events that are stored on a subject, in the stream's order, for a reader that acknowledges
//! nothing.
//!
//! Every reader of a feed gets every event. The broker pushes them to a consumer that it deletes a few
//! seconds after its reader is gone; where that consumer or the connection is lost, the feed creates
//! another one that starts after the last event it gave.

use std::{error::Error, time::Duration};

use async_nats::{
    Message, Subscriber,
    jetstream::{
        self,
        consumer::{AckPolicy, DeliverPolicy, ReplayPolicy, push},
    },
};
use events::{Decode, Received};
use futures_util::StreamExt;
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

use crate::{Bus, History, TODO, delivery::RawMessage, spans::BoxedSpan};

/// Interval of the broker's heartbeats while nothing new is stored.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// Time without a message or a heartbeat after which the consumer is taken for lost.
const HEARTBEAT_TIMEOUT: Duration = Duration::from_millis(2500);

/// Time limit of creating a consumer.
const OPEN_TIMEOUT: Duration = Duration::from_secs(2);

/// The pause between two attempts to create one.
const RETRY_INTERVAL: Duration = Duration::from_millis(250);

/// The start of a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With the events that are stored from now on.
    Now,
    /// With the event after this sequence of the stream.
    After(u64),
}

/// An item of a feed.
#[derive(Debug)]
pub enum FeedItem<E> {
    /// An event.
    Event(Received<E>),
    /// All stored events have been given. It comes once for each consumer that the feed creates; from
    /// then on events come as they are stored.
    CaughtUp,
    /// Events follow from after this sequence on; earlier ones are not given. So begins a feed that
    /// starts now, and so goes one on that cannot be continued where it was: the stream was recreated, or
    /// no longer stores the next events.
    Begins {
        /// The sequence that all events to come are after.
        after: u64,
    },
}

/// Events of one subject, one after the other.
pub struct Feed {
    bus: Bus,
    subject: &'static str,
    /// The sequence that all events to come are after, once it is known.
    after: Option<u64>,
    stream: Option<History>,
    open: Option<Open>,
    /// The sequence of a [`FeedItem::Begins`] that is still to be given.
    begins: Option<u64>,
    /// Set if the feed starts now: no span is made for events that were stored long ago.
    is_news: bool,
    /// The span of the reader's work on the event that was given last.
    handing_out: Option<BoxedSpan>,
}

/// A consumer, as long as it delivers.
struct Open {
    subscriber: Subscriber,
    /// Number of events that it has delivered: the consumer sequence.
    delivered: u64,
    /// Number of events that were pending when it delivered the last one; `None` once that was 0.
    behind: Option<u64>,
}

impl Bus {
    /// Returns a feed of the events stored on `subject` of the stream of events.
    pub fn feed(&self, subject: &'static str, start: Start) -> Feed {
        Feed {
            bus: self.clone(),
            subject,
            after: match start {
                Start::Now => None,
                Start::After(sequence) => Some(sequence),
            },
            stream: None,
            open: None,
            begins: None,
            is_news: start == Start::Now,
            handing_out: None,
        }
    }
}

impl Feed {
    /// Waits for the next item, however long that takes. A message that is no event of the subject is
    /// left out. The work between two calls is traced as the processing of the event that the first of
    /// them gave.
    ///
    /// Cancel safe: nothing is lost if this is dropped.
    pub async fn next<E: Decode>(&mut self) -> FeedItem<E> {
        self.handing_out = None;
        loop {
            if let Some(after) = self.begins.take() {
                return FeedItem::Begins { after };
            }
            let Some(open) = &mut self.open else {
                self.reopen().await;
                continue;
            };
            if open.behind == Some(0) {
                open.behind = None;
                return FeedItem::CaughtUp;
            }
            let mut connected = self.bus.connected.clone();
            let heard = tokio::select! {
                heard = timeout(HEARTBEAT_TIMEOUT, open.subscriber.next()) => heard.ok().flatten(),
                // The broker deletes consumers whose reader is gone for a while.
                _ = connected.wait_for(|connected| !connected) => None,
            };
            let Some(message) = heard else {
                self.open = None;
                continue;
            };
            if let Some(event) = self.take(message) {
                return FeedItem::Event(event);
            }
        }
    }

    /// Returns the event in a message, if it has one. If messages before it were lost, gives up the
    /// consumer, and the next one starts with the first of them.
    fn take<E: Decode>(&mut self, message: Message) -> Option<Received<E>> {
        let open = self.open.as_mut()?;
        let stream = self.stream.as_ref()?;
        if message.status.is_some() {
            let last = message.headers.as_ref();
            let last = last.and_then(|headers| headers.get("Nats-Last-Consumer"));
            let last = last.and_then(|count| count.as_str().parse().ok());
            if last.is_some_and(|last: u64| last != open.delivered) {
                self.open = None;
            }
            return None;
        }
        let message = jetstream::Message {
            message,
            context: self.bus.jetstream.clone(),
        };
        let info = message.info().ok()?;
        let (count, pending) = (info.consumer_sequence, info.pending);
        if count != open.delivered + 1 {
            debug!("events were lost on the way, and are asked for again");
            self.open = None;
            return None;
        }
        open.delivered = count;
        open.behind = open.behind.map(|_| pending);
        let parcel = RawMessage::open(message.message, stream)?;
        self.after = Some(parcel.origin.sequence);
        match parcel.read() {
            Ok(mut received) => {
                let spans = self.bus.spans.as_ref().filter(|_| self.is_news);
                self.handing_out = spans.map(|spans| spans.hand_out(&parcel, &mut received));
                Some(received)
            }
            Err(error) => {
                debug!(event.sequence = parcel.origin.sequence, "left out: {error}");
                None
            }
        }
    }

    /// Creates a consumer, however long that takes.
    async fn reopen(&mut self) {
        loop {
            self.bus.wait_connected().await;
            // A request that is sent while the connection breaks is never answered.
            let opening = timeout(OPEN_TIMEOUT, self.try_open()).await;
            match opening.unwrap_or_else(|_| Err("no answer".into())) {
                Ok(open) => {
                    self.open = Some(open);
                    return;
                }
                Err(error) => warn!("cannot read `{}` from the stream: {error}", self.subject),
            }
            sleep(RETRY_INTERVAL).await;
        }
    }

    async fn try_open(&mut self) -> Result<Open, Box<dyn Error + Send + Sync>> {
        let stream = self.bus.jetstream.get_stream(TODO).await?;
        let info = stream.cached_info();
        let (first, last) = (info.state.first_sequence, info.state.last_sequence);
        let history = History::of(info);
        let same = self.stream.as_ref().is_none_or(|known| *known == history);
        let stored = |after: &u64| same && first <= after + 1 && *after <= last;
        let after = self.after.filter(stored);
        let begins = after.is_none();
        let after = after.unwrap_or(last);
        let inbox = self.bus.client.new_inbox();
        let subscriber = self.bus.client.subscribe(inbox.clone()).await?;
        let consumer = push::Config {
            deliver_subject: inbox,
            deliver_policy: DeliverPolicy::ByStartSequence {
                start_sequence: after + 1,
            },
            ack_policy: AckPolicy::None,
            replay_policy: ReplayPolicy::Instant,
            filter_subject: self.subject.to_owned(),
            idle_heartbeat: HEARTBEAT,
            memory_storage: true,
            num_replicas: 1,
            ..push::Config::default()
        };
        // Without a name it cannot be a group's, so that permission for this is no permission to change a
        // group.
        let consumer = stream.create_consumer(consumer).await?;
        self.stream = Some(history);
        self.after = Some(after);
        if begins {
            self.begins = Some(after);
        }
        Ok(Open {
            subscriber,
            delivered: 0,
            behind: Some(consumer.cached_info().num_pending),
        })
    }
}
