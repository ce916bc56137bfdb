//! How long a backlog takes to be worked off.
//!
//! It is drained when its last event is acknowledged and with it all others (the consumer's
//! acknowledgement floor), and the stream has stored what was published about each of them. A saver
//! publishes after its commit, so that the rows are there by then; they are counted afterwards.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use async_nats::jetstream::consumer;
use tokio::time::{Instant, sleep};

use crate::backlog::stored;
use crate::numbers::approximate;
use crate::program::Program;
use crate::stage::{STREAM, Stage};

/// How often the broker is asked.
const LOOK: Duration = Duration::from_millis(10);

/// A backlog that takes longer is not being worked off.
const PATIENCE: Duration = Duration::from_mins(3);

/// What is drained, and how it is known.
pub(crate) struct Backlog {
    /// The consumer that the savers share.
    pub(crate) group: &'static str,
    /// How many events there are, from the stream's first sequence on.
    pub(crate) events: u64,
    /// Whether an event is published about each.
    pub(crate) announced: bool,
    /// The statement that counts the rows.
    pub(crate) rows: &'static str,
}

/// What came of it.
pub(crate) struct Drained {
    /// From the moment the first event was given out.
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
    let patience = Instant::now() + PATIENCE;
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

/// Waits until a group has seen everything in the stream, and tells how long that took.
pub(crate) async fn watch_all(
    stage: &Stage,
    group: &str,
    members: &mut [Program],
) -> Result<Duration> {
    let begin = Instant::now();
    while state(stage, group).await.is_none_or(|state| state.open > 0) {
        look_again(members, begin + PATIENCE).await?;
    }
    Ok(begin.elapsed())
}

/// Waits until a saver that has been there before saves again.
pub(crate) async fn watch_begin(
    stage: &Stage,
    backlog: &Backlog,
    saver: &mut Program,
) -> Result<()> {
    let patience = Instant::now() + PATIENCE;
    while state(stage, backlog.group)
        .await
        .is_none_or(|state| state.floor == 0)
    {
        look_again(std::slice::from_mut(saver), patience).await?;
    }
    Ok(())
}

/// How many of the events that a group has in hand it has been given before.
pub(crate) async fn given_again(stage: &Stage, group: &str) -> Result<usize> {
    let stream = stage.jetstream.get_stream_no_info(STREAM).await?;
    let info: consumer::Info = stream.consumer_info(group).await?;
    Ok(info.num_redelivered)
}

/// How far a group is.
struct State {
    delivered: u64,
    floor: u64,
    open: u64,
}

/// `None` as long as the group is not there.
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
    sleep(LOOK).await;
    Ok(())
}
