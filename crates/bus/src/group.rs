//! Groups: services whose members share the events between them.

use std::{sync::Arc, time::Duration};

use async_nats::{
    Message,
    jetstream::{
        ErrorCode,
        consumer::{AckPolicy, DeliverPolicy, ReplayPolicy, pull},
        stream::{ConsumerError, ConsumerErrorKind},
    },
};
use events::{Decode, StreamIdentity};
use futures_util::{Stream, StreamExt};
use rand::RngExt;
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    Bus, Delivery, Failure, TODO, echo::differences, handler::Handler, member::Member, pull::Pull,
    streams::is_absent,
};

/// How long the broker waits for a member to settle an event, or to say that it still works on it,
/// before it gives the event to another member. A member at work says so three times as often, so
/// this is how long an event waits when its member dies.
pub(crate) const ACK_WAIT: Duration = Duration::from_secs(10);

/// The most events that all members of a group together may have in hand.
const MOST_IN_HAND: i64 = 50_000;

/// How long one attempt to join may take.
const JOIN_LIMIT: Duration = Duration::from_secs(2);

/// The longest pause between two attempts to join.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A group that a member is about to join.
pub struct Group {
    pub(crate) bus: Bus,
    pub(crate) name: Arc<str>,
    filter: String,
    pub(crate) retries: Retries,
    pub(crate) working: watch::Sender<bool>,
}

/// How a group goes on with an event that failed and may work another time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retries {
    /// How often the event is tried before the group gives up on it.
    pub attempts: u64,
    /// The longest pause after the first attempt. Each one after that may be twice as long.
    pub first_pause: Duration,
    /// The longest pause of all.
    pub longest_pause: Duration,
}

impl Default for Retries {
    /// 8 attempts, within a minute.
    fn default() -> Self {
        Self {
            attempts: 8,
            first_pause: Duration::from_millis(250),
            longest_pause: Duration::from_secs(30),
        }
    }
}

/// How a member takes several events at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batches {
    /// The most events in a batch.
    pub size: usize,
    /// How many batches are handled at the same time.
    pub at_once: usize,
    /// The least time from the start of one batch to the start of the next. When little comes, an
    /// event is handled at once; when much comes, it gathers meanwhile, and batches are large.
    pub pace: Duration,
}

/// Why a member cannot be part of its group.
#[derive(Debug, thiserror::Error)]
#[error("the broker keeps the group `{group}` with other settings: {differences}")]
pub struct GroupError {
    group: Arc<str>,
    differences: String,
}

/// Why joining did not work this time.
enum Refusal {
    NoStream,
    Ask(Box<dyn std::error::Error + Send + Sync>),
    Settings(GroupError),
}

/// What a member has when it has joined.
pub(crate) struct Joined {
    pub(crate) stream: Arc<StreamIdentity>,
    pub(crate) pull: Pull,
}

impl Joined {
    /// Gives the place up. Yields what is on its way to it, to its end.
    pub(crate) fn drain(self) -> impl Stream<Item = (Arc<StreamIdentity>, Message)> {
        let Self { stream, pull } = self;
        pull.drain()
            .map(move |message| (Arc::clone(&stream), message))
    }
}

impl Bus {
    /// The group `name`, which wants the events on the subjects that match `filter`.
    ///
    /// It starts with the first event that is stored. The broker remembers how far it got, so an
    /// event that comes while no member runs waits for one.
    pub fn group(&self, name: &str, filter: &str) -> Group {
        Group {
            bus: self.clone(),
            name: name.into(),
            filter: filter.to_owned(),
            retries: Retries::default(),
            working: watch::Sender::new(false),
        }
    }
}

impl Group {
    /// Sets how the group goes on with events that failed.
    #[must_use]
    pub fn retrying(self, retries: Retries) -> Self {
        Self { retries, ..self }
    }

    /// Whether this member has joined and is not held up by an outage.
    pub fn working(&self) -> watch::Receiver<bool> {
        self.working.subscribe()
    }

    /// Joins and has `handle` handle the events one by one, until `stop` is cancelled.
    ///
    /// An event counts as handled when `handle` returns `Ok`. It may be handed over again even
    /// so, to this or another member, so that handling it twice must have one effect. A panic
    /// counts as [`Failure::Later`].
    ///
    /// Returns after the stop, when everything in hand is settled or given back, or if the broker
    /// keeps the group with settings other than asked. Dropping the call leaves what is in hand
    /// unsettled; the broker gives it to another member after 10 seconds.
    pub async fn each<E, F>(self, stop: CancellationToken, handle: F) -> Result<(), GroupError>
    where
        E: Decode,
        F: AsyncFn(&Delivery<E>) -> Result<(), Failure>,
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

    /// As [`Group::each`], with several events at a time.
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
        F: AsyncFn(&[Delivery<E>]) -> Result<(), Failure>,
    {
        let handler = Handler {
            group: &self,
            handle,
        };
        let result = Member::new(&handler, batches, stop).run().await;
        self.working.send_replace(false);
        result
    }

    /// Joins, however long that takes: the broker may be away, or nobody has made the stream yet.
    pub(crate) async fn join(&self, largest_request: usize) -> Result<Joined, GroupError> {
        let mut pause = Duration::from_millis(50);
        let mut waiting = false;
        loop {
            self.bus.wait_connected().await;
            // A question that is asked while the connection breaks is never answered.
            let trying = timeout(JOIN_LIMIT, self.try_join(largest_request)).await;
            match trying.unwrap_or(Err(Refusal::Ask("no answer".into()))) {
                Ok(joined) => {
                    info!(
                        subject = self.filter,
                        "listening on {} as group {}", self.filter, self.name
                    );
                    return Ok(joined);
                }
                Err(Refusal::Settings(error)) => return Err(error),
                Err(Refusal::NoStream) if !waiting => {
                    waiting = true;
                    info!("waiting for the stream {TODO}, which `setup` makes");
                }
                Err(Refusal::NoStream) => {}
                Err(Refusal::Ask(error)) => warn!("cannot join the group {}: {error}", self.name),
            }
            sleep(pause.mul_f64(rand::rng().random_range(0.5..1.0))).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn try_join(&self, largest_request: usize) -> Result<Joined, Refusal> {
        let stream = match self.bus.jetstream.get_stream(TODO).await {
            Ok(stream) => stream,
            Err(error) if is_absent(&error) => return Err(Refusal::NoStream),
            Err(error) => return Err(Refusal::Ask(error.into())),
        };
        let asked = self.consumer();
        let created = stream.create_consumer(asked.clone()).await;
        let consumer = created.map_err(|error| self.refusal(error))?;
        let differences = differences(&asked, &consumer.cached_info().config);
        if !differences.is_empty() {
            return Err(self.misfit(differences.join("; ")));
        }
        let created = stream.cached_info().created;
        let pull = Pull::open(&self.bus.client, TODO, &self.name, largest_request).await;
        Ok(Joined {
            stream: Arc::new(StreamIdentity::new(TODO, created)),
            pull: pull.map_err(|error| Refusal::Ask(error.into()))?,
        })
    }

    /// Tells a broker that does not want such a group from one that cannot answer now.
    fn refusal(&self, error: ConsumerError) -> Refusal {
        match error.kind() {
            ConsumerErrorKind::JetStream(said)
                if said.code() == 400 || said.error_code() == ErrorCode::CONSUMER_CREATE =>
            {
                self.misfit(said.to_string())
            }
            _ => Refusal::Ask(error.into()),
        }
    }

    fn misfit(&self, differences: String) -> Refusal {
        Refusal::Settings(GroupError {
            group: Arc::clone(&self.name),
            differences,
        })
    }

    fn consumer(&self) -> pull::Config {
        pull::Config {
            durable_name: Some(self.name.to_string()),
            deliver_policy: DeliverPolicy::All,
            ack_policy: AckPolicy::Explicit,
            ack_wait: ACK_WAIT,
            // Members count the attempts themselves: past a limit of the broker's, an event
            // would stay in the stream with nobody told.
            max_deliver: -1,
            filter_subject: self.filter.clone(),
            replay_policy: ReplayPolicy::Instant,
            max_waiting: 512,
            max_ack_pending: MOST_IN_HAND,
            ..pull::Config::default()
        }
    }
}
