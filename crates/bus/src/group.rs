//! Groups: services whose members share the events of a durable consumer.

use std::{sync::Arc, time::Duration};

use events::Decode;
use futures_util::FutureExt;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::{
    Bus, Delivery, HandlerError, consumer::OriginStream, discovery::Endpoint, dispatch::Dispatcher,
    worker::Worker,
};

/// A group that a member is about to join.
pub struct Group {
    pub(crate) bus: Bus,
    pub(crate) name: Arc<str>,
    pub(crate) filter: String,
    pub(crate) retry_policy: RetryPolicy,
    pub(crate) redelivery_policy: RedeliveryPolicy,
    pub(crate) working: watch::Sender<bool>,
    /// Statistics of this member's work for the group.
    pub(crate) endpoint: Arc<Endpoint>,
}

/// Retry policy for events that failed and may succeed another time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Number of attempts before the group gives up on an event.
    pub max_attempts: u64,
    /// The longest pause after the first attempt. Each one after that may be twice as long.
    pub initial_backoff: Duration,
    /// The longest pause of all.
    pub max_backoff: Duration,
}

impl Default for RetryPolicy {
    /// 8 attempts, within a minute.
    fn default() -> Self {
        Self {
            max_attempts: 8,
            initial_backoff: Duration::from_millis(250),
            max_backoff: Duration::from_secs(30),
        }
    }
}

/// Redelivery of events that a member left unsettled because it died or was cut off: after what time, and
/// how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RedeliveryPolicy {
    /// Ack wait: time that the broker waits for a member to settle an event, or to say that it still
    /// works on it, before it redelivers the event to another member. A member at work says so three
    /// times as often, so this is how long an event waits when its member dies.
    pub ack_wait: Duration,
    /// Max deliveries: number of deliveries without being settled, neither as done nor as failed, before
    /// the group gives up on an event.
    pub max_deliveries: u64,
}

impl Default for RedeliveryPolicy {
    /// 10 seconds, 16 times.
    fn default() -> Self {
        Self {
            ack_wait: Duration::from_secs(10),
            max_deliveries: 16,
        }
    }
}

impl RedeliveryPolicy {
    /// Returns the interval in which a member tells the broker that it still works.
    pub(crate) fn progress_interval(self) -> Duration {
        (self.ack_wait / 3).max(Duration::from_millis(1))
    }
}

/// Settings of a member that takes several events at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batches {
    /// The most events in a batch.
    pub size: usize,
    /// Number of batches that are handled at the same time.
    pub at_once: usize,
    /// The least time from the start of one batch to the start of the next. When few events come, each is
    /// handled at once; when many come, they gather meanwhile, and batches are large.
    pub pace: Duration,
}

/// The error when the broker keeps a group's consumer with other settings than asked.
#[derive(Debug, thiserror::Error)]
#[error("the broker keeps the group `{group}` with other settings: {differences}")]
pub struct GroupError {
    pub(crate) group: Arc<str>,
    pub(crate) differences: String,
}

impl Bus {
    /// Returns the group `name`, which gets the events on the subjects that match `filter`.
    ///
    /// It starts with the first event that is stored. The broker remembers how far it got, so an event
    /// that is stored while no member runs waits for one.
    pub fn group(&self, name: &str, filter: &str) -> Group {
        Group {
            bus: self.clone(),
            name: name.into(),
            filter: filter.to_owned(),
            retry_policy: RetryPolicy::default(),
            redelivery_policy: RedeliveryPolicy::default(),
            working: watch::Sender::new(false),
            endpoint: self.presence.add(Endpoint::new(name, filter, name)),
        }
    }
}

impl Group {
    /// Sets the retry policy for events that failed.
    #[must_use]
    pub fn retry_policy(self, retries: RetryPolicy) -> Self {
        Self {
            retry_policy: retries,
            ..self
        }
    }

    /// Sets the ack wait and the max deliveries of events that members leave unsettled.
    #[must_use]
    pub fn redelivery_policy(self, patience: RedeliveryPolicy) -> Self {
        Self {
            redelivery_policy: patience,
            ..self
        }
    }

    /// Returns a receiver of whether this member has joined and is not held up by an outage.
    pub fn working(&self) -> watch::Receiver<bool> {
        self.working.subscribe()
    }

    /// Joins and has `handle` handle the events one by one, until `stop` is cancelled.
    ///
    /// An event counts as handled when `handle` returns `Ok`. It may be redelivered even so, to this or
    /// another member, so that handling it twice must have one effect. A panic counts as
    /// [`HandlerError::Retry`].
    ///
    /// Returns after the stop, when every event that this member was given is settled or given back, or
    /// if the broker keeps the group with settings other than asked. Dropping the call leaves them
    /// unsettled; the broker redelivers them to another member after the ack wait, 10 seconds if nothing
    /// else is set.
    pub async fn each<E, F>(self, stop: CancellationToken, handle: F) -> Result<(), GroupError>
    where
        E: Decode,
        F: AsyncFn(&Delivery<E>) -> Result<(), HandlerError>,
    {
        let one_by_one = Batches {
            size: 1,
            at_once: 1,
            pace: Duration::ZERO,
        };
        let handle = async |batch: &[Delivery<E>]| match batch {
            [event] => handle(event).await,
            _ => unreachable!("a batch of size 1 has one event"),
        };
        self.batches(one_by_one, stop, handle).await
    }

    /// Joins like [`Group::each`], and has several events handled at a time.
    ///
    /// When `handle` fails for a batch, the batch is tried again in halves, until the event that
    /// is to blame stands alone.
    pub async fn batches<E, F>(
        self,
        batches: Batches,
        stop: CancellationToken,
        handle: F,
    ) -> Result<(), GroupError>
    where
        E: Decode,
        F: AsyncFn(&[Delivery<E>]) -> Result<(), HandlerError>,
    {
        // An error of one of the two ends the other in good order.
        let stop = stop.child_token();
        let handler = Dispatcher {
            group: &self,
            handle,
            permits: Semaphore::new(batches.at_once),
        };
        let work = async |source, batches| {
            let member = Worker::new(&handler, source, batches, stop.clone());
            let result = member.run().boxed_local().await;
            stop.cancel();
            result
        };
        let replays = Batches {
            at_once: 1,
            ..batches
        };
        let (events, replays) = tokio::join!(
            work(OriginStream::Events, batches),
            work(OriginStream::Replays, replays)
        );
        self.working.send_replace(false);
        info!("left group {}", self.name);
        events.and(replays)
    }
}
