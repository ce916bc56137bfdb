//! The durable consumers of a group, on the stream of all events and on the stream of replays.

use std::{iter::once, sync::Arc, time::Duration};

use async_nats::{
    Message,
    jetstream::{
        self,
        consumer::{AckPolicy, DeliverPolicy, ReplayPolicy, pull},
        stream::{ConsumerError, ConsumerErrorKind},
    },
};
use futures_util::{Stream, StreamExt};
use rand::RngExt;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use tracing::{debug, info, warn};

use crate::{
    Group, GroupError, History, REPLAYS, RedeliveryPolicy, TODO,
    config_mismatch::config_mismatches, pull::Pull, refusals::is_lasting, streams::is_absent,
};

/// Max ack pending: the most events that all members of a group together may have in flight.
const MAX_ACK_PENDING: i64 = 50_000;

/// Time limit of one attempt to join.
const JOIN_TIMEOUT: Duration = Duration::from_secs(2);

/// The longest pause between two attempts to join.
const MAX_BACKOFF: Duration = Duration::from_secs(2);

/// The stream from which a member gets its events.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum OriginStream {
    /// The stream of all events.
    Events,
    /// The dead letters of this group that an operator wants handled after all.
    Replays,
}

impl OriginStream {
    fn stream(self) -> &'static str {
        match self {
            Self::Events => TODO,
            Self::Replays => REPLAYS,
        }
    }
}

/// The reason why an attempt to join failed.
enum Refusal {
    NoStream,
    Ask(Box<dyn std::error::Error + Send + Sync>),
    Settings(GroupError),
}

/// The consumer of a member that has joined.
pub(crate) struct Consumer {
    pub(crate) stream: Arc<History>,
    pub(crate) pull: Pull,
}

impl Consumer {
    /// Stops requesting messages. Yields those in flight, to their end.
    pub(crate) fn drain(self) -> impl Stream<Item = (Arc<History>, Message)> {
        let Self { stream, pull } = self;
        pull.drain()
            .map(move |message| (Arc::clone(&stream), message))
    }
}

impl Group {
    /// Joins, however long that takes: the broker may be unavailable, or nobody has created the stream
    /// yet.
    pub(crate) async fn join(
        &self,
        source: OriginStream,
        largest_request: usize,
    ) -> Result<Consumer, GroupError> {
        let mut pause = Duration::from_millis(50);
        let mut waiting = false;
        loop {
            self.bus.wait_connected().await;
            // A request that is sent while the connection breaks is never answered.
            let trying = timeout(JOIN_TIMEOUT, self.try_join(source, largest_request)).await;
            match trying.unwrap_or(Err(Refusal::Ask("no answer".into()))) {
                Ok(joined) => return Ok(joined),
                Err(Refusal::Settings(error)) => return Err(error),
                Err(Refusal::NoStream) if !waiting => {
                    waiting = true;
                    let stream = source.stream();
                    info!("waiting for the stream {stream}, which `setup` makes");
                }
                Err(Refusal::NoStream) => {}
                Err(Refusal::Ask(error)) => warn!("cannot join the group {}: {error}", self.name),
            }
            sleep(pause.mul_f64(rand::rng().random_range(0.5..1.0))).await;
            pause = (pause * 2).min(MAX_BACKOFF);
        }
    }

    pub(crate) fn announce(&self, source: OriginStream) {
        let (group, filter) = (&self.name, self.filter(source));
        match source {
            OriginStream::Events => {
                info!(subject = filter, "listening on {filter} as group {group}");
            }
            OriginStream::Replays => debug!(subject = filter, "taking replays from {filter}"),
        }
    }

    async fn try_join(
        &self,
        source: OriginStream,
        largest_request: usize,
    ) -> Result<Consumer, Refusal> {
        let stream = match self.bus.jetstream.get_stream(source.stream()).await {
            Ok(stream) => stream,
            Err(error) if is_absent(&error) => return Err(Refusal::NoStream),
            Err(error) => return Err(Refusal::Ask(error.into())),
        };
        let history = History::of(stream.cached_info());
        let asked = consumer(&self.name, self.filter(source), self.redelivery_policy);
        let taken = create_consumer(&stream, &history, asked).await;
        let differences = taken.map_err(|error| self.refusal(error))?;
        if !differences.is_empty() {
            return Err(self.config_mismatch(differences.join("; ")));
        }
        let name = source.stream();
        let pull = Pull::open(&self.bus.client, name, &self.name, largest_request).await;
        Ok(Consumer {
            stream: Arc::new(history),
            pull: pull.map_err(|error| Refusal::Ask(error.into()))?,
        })
    }

    /// Tells a broker that refuses such a group from one that cannot answer now.
    fn refusal(&self, error: ConsumerError) -> Refusal {
        if is_config_mismatch(&error) {
            self.config_mismatch(error.to_string())
        } else {
            Refusal::Ask(error.into())
        }
    }

    fn config_mismatch(&self, differences: String) -> Refusal {
        Refusal::Settings(GroupError {
            group: Arc::clone(&self.name),
            differences,
        })
    }

    fn filter(&self, source: OriginStream) -> String {
        match source {
            OriginStream::Events => self.filter.clone(),
            OriginStream::Replays => replays_of(&self.name),
        }
    }
}

/// Creates a durable consumer or finds it. It starts with the first stored event, or where it was
/// recreated after the stream had lost its end. Returns the settings in which the broker keeps it
/// otherwise than asked.
pub(crate) async fn create_consumer(
    stream: &jetstream::stream::Stream,
    history: &History,
    asked: pull::Config,
) -> Result<Vec<String>, ConsumerError> {
    let starts = history.given_again();
    let starts = starts.map(|start_sequence| DeliverPolicy::ByStartSequence { start_sequence });
    let mut refused = None;
    for deliver_policy in once(DeliverPolicy::All).chain(starts) {
        let asked = pull::Config {
            deliver_policy,
            ..asked.clone()
        };
        match stream.create_consumer(asked.clone()).await {
            Ok(place) => return Ok(config_mismatches(&asked, &place.cached_info().config)),
            // It exists with other settings. If nothing fits, the broker's first error tells most.
            Err(error) if is_config_mismatch(&error) => refused = refused.or(Some(error)),
            Err(error) => return Err(error),
        }
    }
    Err(refused.unwrap_or_else(|| ConsumerErrorKind::Other.into()))
}

/// Returns whether the broker refuses such a consumer, as opposed to not being able to create one now.
pub(crate) fn is_config_mismatch(error: &ConsumerError) -> bool {
    match error.kind() {
        ConsumerErrorKind::JetStream(said) => is_lasting(&said),
        _ => false,
    }
}

/// Returns the settings of a group's durable consumer.
fn consumer(name: &str, filter: String, patience: RedeliveryPolicy) -> pull::Config {
    pull::Config {
        durable_name: Some(name.to_owned()),
        deliver_policy: DeliverPolicy::All,
        ack_policy: AckPolicy::Explicit,
        ack_wait: patience.ack_wait,
        // Members count the attempts themselves: past max deliveries at the broker, an event would stay
        // in the stream and nobody would learn of it.
        max_deliver: -1,
        filter_subject: filter,
        replay_policy: ReplayPolicy::Instant,
        max_waiting: 512,
        max_ack_pending: MAX_ACK_PENDING,
        ..pull::Config::default()
    }
}

/// Returns the consumers of the group `name` with its usual settings, as the broker's own API writes
/// them, each with its stream: for documents.
pub fn group_settings(name: &str, filter: &str) -> [(&'static str, Value); 2] {
    [
        (OriginStream::Events, filter.to_owned()),
        (OriginStream::Replays, replays_of(name)),
    ]
    .map(|(source, filter)| {
        let consumer = consumer(name, filter, RedeliveryPolicy::default());
        (source.stream(), json!(consumer))
    })
}

fn replays_of(group: &str) -> String {
    format!("replay.{group}")
}
