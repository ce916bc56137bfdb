//! Capacity of the stream of events. When full, it refuses more (`discard: new`), so the events that
//! every group has handled must be removed before they keep out new ones.

mod oldest;

use std::{
    collections::BTreeMap,
    error::Error,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use async_nats::jetstream::{
    consumer::{AckPolicy, Info},
    stream::Stream,
};
use futures_util::TryStreamExt;
use time::OffsetDateTime;
use tokio::time::{MissedTickBehavior, interval};

use crate::{Bus, DEAD_LETTERS, TODO};

/// Percentage of its limit from which on handled events are removed from the stream.
const TRIM_ABOVE_PERCENT: u64 = 40;

/// Percentage of its limit from which on publishers are refused. Handling an event causes another, which
/// is larger than the first, and nothing can be removed until a backlog is handled. So the other half is
/// left for the groups: a stream that publishers could fill to the brim would stay full.
const REFUSE_ABOVE_PERCENT: u64 = 50;

/// The newest part of the messages, in percent, that stays even if it is handled: browsers that were
/// disconnected catch up with it.
const KEEP_NEWEST_PERCENT: u64 = 10;

/// Interval in which a publisher checks the capacity.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The error when the broker's streams cannot be read, or handled events cannot be removed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {step}")]
pub struct CapacityError {
    step: &'static str,
    #[source]
    pub(crate) source: Box<dyn Error + Send + Sync>,
}

/// Status of the streams at the broker.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamStatus {
    /// Size of the stream of events (bytes).
    pub bytes: u64,
    /// Its size limit (bytes).
    pub limit: u64,
    /// Number of events in it.
    pub events: u64,
    /// The sequence of the newest event: the number of events that there ever were.
    pub last_sequence: u64,
    /// Each group, by its name.
    pub groups: BTreeMap<String, GroupStatus>,
    /// Number of dead letters, by the group that gave up.
    pub dead_letters: BTreeMap<String, u64>,
    /// Time at which the oldest of them was stored.
    pub oldest_dead_letter: Option<OffsetDateTime>,
}

/// Status of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupStatus {
    /// Number of pending events, which wait to be delivered to a member.
    pub waiting: u64,
    /// Number of events in flight, which are delivered and not settled.
    pub in_hand: u64,
    /// The sequence up to which it has settled every event.
    pub(crate) settled: u64,
    /// The sequence up to which events have been delivered.
    pub(crate) given: u64,
    /// The subjects of its events, with wildcards.
    pub(crate) filter: String,
}

impl Bus {
    /// Returns the status of the stream of events, its groups and the dead letters.
    pub async fn stream_status(&self) -> Result<StreamStatus, CapacityError> {
        let todo = self.stream(TODO).await?;
        let info = todo.cached_info();
        let (state, limit) = (info.state.clone(), info.config.max_bytes);
        let groups = groups(&todo).await?;
        let dead = self.stream(DEAD_LETTERS).await?;
        let oldest = dead.cached_info().state.clone();
        let counts = dead
            .info_with_subjects(">")
            .await
            .map_err(failed("ask for the dead letters"))?;
        let counts: Vec<(String, usize)> = counts
            .try_collect()
            .await
            .map_err(failed("count the dead letters"))?;
        let mut dead_letters = BTreeMap::new();
        for (subject, count) in counts {
            // `dead.<group>`, or the subject of an advisory of the broker's, which ends with the group as
            // well.
            let group = subject.rsplit('.').next().unwrap_or_default().to_owned();
            *dead_letters.entry(group).or_default() += count as u64;
        }
        Ok(StreamStatus {
            bytes: state.bytes,
            limit: u64::try_from(limit).unwrap_or(u64::MAX),
            events: state.messages,
            last_sequence: state.last_sequence,
            groups,
            dead_letters,
            oldest_dead_letter: (oldest.messages > 0).then_some(oldest.first_timestamp),
        })
    }

    /// Removes events that every group has handled, when the stream gets full: all but the newest tenth.
    /// Returns their number. Events that a group has not handled stay, however full it is, and so does
    /// everything as long as one of the `expected` groups has never joined.
    pub async fn trim_handled(
        &self,
        standing: &StreamStatus,
        expected: &[String],
    ) -> Result<u64, CapacityError> {
        let all_there = expected
            .iter()
            .all(|group| standing.groups.contains_key(group));
        let slowest = standing.groups.values().map(|group| group.settled).min();
        // Without a group, nobody has handled anything.
        let (true, true, Some(slowest)) =
            (standing.is_full(TRIM_ABOVE_PERCENT), all_there, slowest)
        else {
            return Ok(0);
        };
        let todo = self.stream(TODO).await?;
        let state = &todo.cached_info().state;
        let newest = state.messages * KEEP_NEWEST_PERCENT / 100;
        // A group without pending events was done with those that there were when the status was read.
        let last = slowest
            .min(standing.last_sequence)
            .min(state.last_sequence.saturating_sub(newest));
        if last < state.first_sequence {
            return Ok(0);
        }
        // Up to, and not including, the given sequence.
        let purged = todo.purge().sequence(last + 1).await;
        Ok(purged.map_err(failed("remove handled events"))?.purged)
    }

    /// Checks the capacity of the stream as long as it is polled. While there is little left,
    /// [`Bus::publish`] refuses on this connection, so that the rest is left for the groups, whose work
    /// makes room: every service that brings new events into the system calls this, and no group does.
    pub async fn watch_capacity(&self) {
        self.presence.publishes();
        let mut looks = interval(POLL_INTERVAL);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            // While the broker does not answer, publishing reports that itself.
            if let Ok(stream) = self.stream(TODO).await {
                let info = stream.cached_info();
                let limit = u64::try_from(info.config.max_bytes).unwrap_or(u64::MAX);
                let crowded = is_full(info.state.bytes, limit, REFUSE_ABOVE_PERCENT);
                self.crowded.set(crowded);
            }
        }
    }

    pub(crate) async fn stream(&self, name: &'static str) -> Result<Stream, CapacityError> {
        let stream = self.jetstream.get_stream(name).await;
        stream.map_err(failed("ask for a stream"))
    }
}

impl StreamStatus {
    fn is_full(&self, percent: u64) -> bool {
        is_full(self.bytes, self.limit, percent)
    }
}

fn is_full(bytes: u64, limit: u64, percent: u64) -> bool {
    bytes >= limit / 100 * percent
}

/// Returns the groups: durable consumers whose members settle each event. Others, such as that of
/// somebody who looks on, hold nothing up; one that the broker deletes by itself is somebody's bookmark.
pub(crate) async fn groups(todo: &Stream) -> Result<BTreeMap<String, GroupStatus>, CapacityError> {
    let consumers: Vec<Info> = todo
        .consumers()
        .try_collect()
        .await
        .map_err(failed("ask for the groups"))?;
    let groups = consumers.into_iter().filter(|info| {
        let settles = info.config.ack_policy == AckPolicy::Explicit;
        let stays = info.config.durable_name.is_some() && info.config.inactive_threshold.is_zero();
        settles && stays
    });
    let standing = groups.map(|info| {
        let (waiting, in_hand) = (info.num_pending, info.num_ack_pending as u64);
        // A group whose filter matches few events settles few, and is done with all others as well.
        let settled = if waiting == 0 && in_hand == 0 {
            u64::MAX
        } else {
            info.ack_floor.stream_sequence
        };
        let standing = GroupStatus {
            waiting,
            in_hand,
            settled,
            given: info.delivered.stream_sequence,
            filter: info.config.filter_subject,
        };
        (info.name, standing)
    });
    Ok(standing.collect())
}

pub(crate) fn failed<E: Into<Box<dyn Error + Send + Sync>>>(
    step: &'static str,
) -> impl Fn(E) -> CapacityError {
    move |error| CapacityError {
        step,
        source: error.into(),
    }
}

/// Set while there is too little capacity for new events, as last seen.
#[derive(Default)]
pub(crate) struct OverLimit(AtomicBool);

impl OverLimit {
    fn set(&self, crowded: bool) {
        // Nothing else is read that would have to be seen in the same order.
        self.0.store(crowded, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
