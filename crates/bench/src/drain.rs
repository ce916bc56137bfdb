//! Measures the time that savers take to drain a backlog.
//!
//! It is drained when its last event is acknowledged and with it all others (the consumer's ack floor),
//! and the stream has stored the `itemsaved` of each of them. A saver publishes after its commit, so
//! that the rows are there by then; they are counted afterwards.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use async_nats::jetstream::consumer;
use tokio::time::{Instant, sleep};

use crate::backlog::stored;
use crate::numbers::approximate;
use crate::program::Program;
use crate::stage::{STREAM, Stage};

/// Interval at which the broker is polled.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Time within which a backlog must be drained.
const TIMEOUT: Duration = Duration::from_mins(3);

/// A backlog, and the means to recognise that it is drained.
pub(crate) struct Backlog {
    /// The durable consumer that the savers share.
    pub(crate) group: &'static str,
    /// Number of events, from the stream's first sequence on.
    pub(crate) events: u64,
    /// Set when the saver publishes an event about each.
    pub(crate) announced: bool,
    /// The statement that counts the rows.
    pub(crate) rows: &'static str,
}

/// A finished measurement.
pub(crate) struct Drained {
    /// Time from the first delivery.
    took: Duration,
    events: u64,
}

impl Drained {
    pub(crate) fn per_second(&self) -> f64 {
        approximate(self.events) / self.took.as_secs_f64()
    }
}

/// Waits until savers that have just been started have drained the backlog.
pub(crate) async fn watch(
    stage: &mut Stage,
    backlog: &Backlog,
    savers: &mut [Program],
) -> Result<Drained> {
    let patience = Instant::now() + TIMEOUT;
    while state(stage, backlog.group)
        .await
        .is_none_or(|state| state.delivered == 0)
    {
        look_again(savers, patience).await?;
    }
    let begin = Instant::now();
    let announced = if backlog.announced { backlog.events } else { 0 };
    loop {
        let group = state(stage, backlog.group).await;
        let acknowledged = group.is_some_and(|group| group.floor >= backlog.events);
        if acknowledged && stored(stage).await? >= backlog.events + announced {
            break;
        }
        look_again(savers, patience).await?;
    }
    let took = begin.elapsed();
    let rows = stage.count(backlog.rows).await?;
    ensure!(
        rows == backlog.events,
        "{rows} rows of {} events were saved by {}",
        backlog.events,
        backlog.group
    );
    Ok(Drained {
        took,
        events: backlog.events,
    })
}

/// Waits until no message of the stream is pending or in flight for a group, and returns the time that
/// this took.
pub(crate) async fn watch_all(
    stage: &Stage,
    group: &str,
    members: &mut [Program],
) -> Result<Duration> {
    let begin = Instant::now();
    while state(stage, group).await.is_none_or(|state| state.open > 0) {
        look_again(members, begin + TIMEOUT).await?;
    }
    Ok(begin.elapsed())
}

/// Waits until a saver that was waiting for the database saves again: until its ack floor rises.
pub(crate) async fn watch_begin(
    stage: &Stage,
    backlog: &Backlog,
    saver: &mut Program,
) -> Result<()> {
    let patience = Instant::now() + TIMEOUT;
    while state(stage, backlog.group)
        .await
        .is_none_or(|state| state.floor == 0)
    {
        look_again(std::slice::from_mut(saver), patience).await?;
    }
    Ok(())
}

/// Returns the number of in-flight messages of a group that were redelivered.
pub(crate) async fn given_again(stage: &Stage, group: &str) -> Result<usize> {
    let stream = stage.jetstream.get_stream_no_info(STREAM).await?;
    let info: consumer::Info = stream.consumer_info(group).await?;
    Ok(info.num_redelivered)
}

/// State of a group's durable consumer.
struct State {
    delivered: u64,
    floor: u64,
    open: u64,
}

/// Returns the state; `None` as long as the consumer does not exist.
async fn state(stage: &Stage, group: &str) -> Option<State> {
    let stream = stage.jetstream.get_stream_no_info(STREAM).await.ok()?;
    let info: consumer::Info = stream.consumer_info(group).await.ok()?;
    Some(State {
        delivered: info.delivered.stream_sequence,
        floor: info.ack_floor.stream_sequence,
        open: info.num_pending + info.num_ack_pending as u64,
    })
}

async fn look_again(programs: &mut [Program], patience: Instant) -> Result<()> {
    for program in programs {
        program.check()?;
    }
    if Instant::now() > patience {
        bail!("the backlog is not worked off");
    }
    sleep(POLL_INTERVAL).await;
    Ok(())
}
