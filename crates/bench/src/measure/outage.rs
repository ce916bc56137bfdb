//! B10: recovery from an outage of the database while requests came in.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use sqlx::{Connection, PgConnection};

use crate::backlog::{self, stored};
use crate::drain::{self, Backlog};
use crate::load::{self, Load};
use crate::stage::Stage;
use crate::table::{Goal, Table, Value};

use super::drain::OUR_ROWS;

/// Requests per second.
const RATE: f64 = 1_000.0;

/// The group that saves.
const GROUP: &str = "save-handler";

/// Time within which saving must begin again after the database's return.
const BACK_SOON: Duration = Duration::from_secs(5);

/// Measures and adds the rows.
pub(crate) async fn run(stage: &mut Stage, table: &mut Table) -> Result<()> {
    let (events, back, after) = outage(stage).await?;
    let usual = usual(stage, events).await?;
    stage.say(&format!(
        "B10: {events} events waited; saving again after {} ms, then {}, usually {}",
        back.as_millis(),
        Value::PerSecond(after),
        Value::PerSecond(usual),
    ));
    let back = Value::Milliseconds(back.as_secs_f64() * 1000.0);
    let soon = Value::Milliseconds(BACK_SOON.as_secs_f64() * 1000.0);
    table.add(
        "B10",
        "database back to saving again",
        back,
        Goal::Below(soon),
    );
    table.compare(
        "B10",
        "events saved after that, to the same at the start of a saver",
        Value::PerSecond(after),
        Value::PerSecond(usual),
        Goal::AtLeastTimes(0.8),
    );
    table.note(format!(
        "B10: {RATE} requests a second while the database was away for {} s; each was accepted, no event \
         was given out again, and none became a dead letter.",
        stage.sizes.outage.as_secs()
    ));
    Ok(())
}

/// Returns the number of events after an outage, the time from its end until they are being saved, and
/// the number that is then saved per second.
async fn outage(stage: &mut Stage) -> Result<(u64, Duration, f64)> {
    stage.fresh().await?;
    let mut api = stage.service("todo-api", 1, &[])?;
    let mut saver = stage.service(GROUP, 1, &[])?;
    api.ready().await?;
    saver.ready().await?;
    stage.system.postgres().stop().await?;
    let load = Load {
        address: api.address(),
        requests: [load::post("/todo", r#"{"item":"record the video"}"#)].into(),
        status: 202,
        connections: 64,
        warm: Duration::ZERO,
        time: stage.sizes.outage,
    };
    load::open(&load, RATE, |_, _| {}).await?;
    let events = stored(stage).await?;
    let again = drain::given_again(stage, GROUP).await?;
    ensure!(again == 0, "{again} events were given out again");

    stage.system.postgres().restart().await?;
    let returned = Instant::now();
    stage.database = PgConnection::connect(&stage.system.database()).await?;
    let backlog = backlog_of(events);
    drain::watch_begin(stage, &backlog, &mut saver).await?;
    let back = returned.elapsed();
    let drained = drain::watch(stage, &backlog, std::slice::from_mut(&mut saver)).await?;
    ensure!(dead_letters(stage).await? == 0, "there are dead letters");
    api.stop().await?;
    saver.stop().await?;
    Ok((events, back, drained.per_second()))
}

/// Returns the number of events per second that a saver saves if it finds as many when it starts.
async fn usual(stage: &mut Stage, events: u64) -> Result<f64> {
    stage.fresh().await?;
    backlog::publish(stage, events).await?;
    let mut saver = stage.service(GROUP, 1, &[])?;
    let backlog = backlog_of(events);
    let drained = drain::watch(stage, &backlog, std::slice::from_mut(&mut saver)).await?;
    saver.stop().await?;
    Ok(drained.per_second())
}

fn backlog_of(events: u64) -> Backlog {
    Backlog {
        group: GROUP,
        events,
        announced: true,
        rows: OUR_ROWS,
    }
}

async fn dead_letters(stage: &Stage) -> Result<u64> {
    let stream = stage.jetstream.get_stream("DEAD_LETTERS").await?;
    Ok(stream.cached_info().state.messages)
}
