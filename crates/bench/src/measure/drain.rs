//! B3 and B4: rate at which a backlog is saved, by one member and by three.

use std::time::Duration;

use anyhow::Result;
use sqlx::{Connection, PgConnection, Row};
use tokio::time::sleep;

use crate::backlog;
use crate::drain::{self, Backlog};
use crate::numbers::median;
use crate::options::{Figure, Options};
use crate::program::Program;
use crate::stage::Stage;
use crate::table::{Goal, Table, Value};

/// Number of members in B4.
const MEMBERS: usize = 3;

/// Interval at which the database's connections are counted.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The statements that count the saved rows, of save-handler and of the references.
pub(crate) const OUR_ROWS: &str = "select count(*) from items where created_position is not null";
const PLAIN_ROWS: &str = "select count(*) from plain.items";

/// Rates per second, one for each round.
#[derive(Default)]
struct Rates {
    naive: Vec<f64>,
    bare: Vec<f64>,
    ours: Vec<f64>,
    silent: Vec<f64>,
    three: Vec<f64>,
    most_connections: u64,
    skipping: Vec<f64>,
}

/// Measures and adds the rows.
pub(crate) async fn run(stage: &mut Stage, table: &mut Table, options: &Options) -> Result<()> {
    let mut rates = Rates::default();
    for round in 1..=stage.sizes.rounds {
        if options.wants(Figure::B3) {
            rates
                .naive
                .push(reference(stage, round, "naive-saver").await?);
            rates
                .bare
                .push(reference(stage, round, "bare-saver").await?);
        }
        let rate = ours(stage, round, 1, &[], &mut rates).await?;
        rates.ours.push(rate);
        if options.wants(Figure::B3) {
            let rate = ours(stage, round, 1, &[("RUST_LOG", "warn")], &mut rates).await?;
            rates.silent.push(rate);
        }
        if options.wants(Figure::B4) {
            let rate = ours(stage, round, MEMBERS, &[], &mut rates).await?;
            rates.three.push(rate);
        }
    }
    add(table, options, rates);
    Ok(())
}

fn add(table: &mut Table, options: &Options, rates: Rates) {
    let ours = &rates.ours;
    if options.wants(Figure::B3) {
        for (reference, theirs, least) in
            [("naive", &rates.naive, 15.0), ("bare", &rates.bare, 0.85)]
        {
            let what = format!("events saved by one save-handler, to the {reference} saver");
            table.compare_rounds("B3", what, ours, theirs, Goal::AtLeastTimes(least));
        }
        let what = "the same without its log lines, to with";
        table.compare_rounds("B3", what, &rates.silent, ours, Goal::None);
        table.note(format!(
            "B3, B4: from the first event given out until the acknowledgement floor has passed the \
             last of the backlog and an itemsaved of each is stored; the rows are counted afterwards. \
             save-handler's consumer also gets the itemsaved events, behind the backlog, and skips \
             them: that takes another {:.1} s, which do not count.",
            median(rates.skipping)
        ));
        table.note(
            "Naive saver: one event, one INSERT, one acknowledgement; nothing published; a shorter \
             backlog, since its rate does not depend on the length. Bare saver: read-ahead 2 000, up to 1 000 rows a \
             statement, a saved event of each with the stream's confirmation awaited, then \
             acknowledgements; no versions, no order, no dead letters. Both write a plain table with \
             a key and the index that a list page needs, on Tokio's default runtime and the system's \
             allocator.",
        );
    }
    if options.wants(Figure::B4) {
        let what = "the same by 3 members, to one";
        table.compare_rounds("B4", what, &rates.three, ours, Goal::AtLeastTimes(1.0));
        let most = Value::Count(rates.most_connections);
        let what = "most connections of a member to the database";
        table.add("B4", what, most, Goal::AtMost(Value::Count(2)));
    }
}

async fn reference(stage: &mut Stage, round: usize, name: &'static str) -> Result<f64> {
    let announced = name == "bare-saver";
    let backlog = Backlog {
        group: name,
        events: if announced {
            stage.sizes.backlog
        } else {
            stage.sizes.naive_backlog
        },
        announced,
        rows: PLAIN_ROWS,
    };
    stage.fresh().await?;
    backlog::publish(stage, backlog.events).await?;
    let mut savers = [stage.reference(name)?];
    let what = format!("B3 round {round}: the {}", name.replace('-', " "));
    let rate = watch(stage, &what, &backlog, &mut savers).await?;
    stop(savers).await?;
    Ok(rate)
}

async fn ours(
    stage: &mut Stage,
    round: usize,
    members: usize,
    env: &[(&str, &str)],
    rates: &mut Rates,
) -> Result<f64> {
    let backlog = Backlog {
        group: "save-handler",
        events: stage.sizes.backlog,
        announced: true,
        rows: OUR_ROWS,
    };
    stage.fresh().await?;
    backlog::publish(stage, backlog.events).await?;
    let savers = (1..=members).map(|number| stage.service("save-handler", number, env));
    let mut savers = savers.collect::<Result<Vec<_>>>()?;
    let figure = if members == 1 { "B3" } else { "B4" };
    let quiet = if env.is_empty() { "" } else { ", no log lines" };
    let what = format!("{figure} round {round}: {members} × save-handler{quiet}");
    let mut observer = PgConnection::connect(&stage.system.database()).await?;
    let mut most = 0;
    let rate = tokio::select! {
        rate = watch(stage, &what, &backlog, &mut savers) => rate?,
        failed = count_connections(&mut observer, &mut most) => return Err(failed),
    };
    observer.close().await?;
    rates.most_connections = rates.most_connections.max(most);
    if members == 1 {
        let skipping = drain::watch_all(stage, backlog.group, &mut savers).await?;
        rates.skipping.push(skipping.as_secs_f64());
    }
    stop(savers).await?;
    Ok(rate)
}

async fn watch(
    stage: &mut Stage,
    what: &str,
    backlog: &Backlog,
    savers: &mut [Program],
) -> Result<f64> {
    let programs: Vec<&Program> = savers.iter().collect();
    let meter = stage.meter(&programs);
    let rate = drain::watch(stage, backlog, savers).await?.per_second();
    let cores = meter.stop(rate);
    stage.say(&format!("{what}: {} ({cores})", Value::PerSecond(rate)));
    Ok(rate)
}

/// Counts connections, and keeps the greatest number that any one member had; returns only an error. A
/// member's connections and its health probe's have names with the same first word.
async fn count_connections(observer: &mut PgConnection, most: &mut u64) -> anyhow::Error {
    let statement = "select split_part(application_name, ' ', 1) as member, count(*) \
         from pg_stat_activity where application_name like 'save-handler%' group by 1";
    loop {
        let rows = match sqlx::query(statement).fetch_all(&mut *observer).await {
            Ok(rows) => rows,
            Err(error) => return error.into(),
        };
        let counts = rows.iter().filter_map(|row| row.try_get::<i64, _>(1).ok());
        *most = counts.map(i64::unsigned_abs).fold(*most, u64::max);
        sleep(POLL_INTERVAL).await;
    }
}

async fn stop(programs: impl IntoIterator<Item = Program>) -> Result<()> {
    for program in programs {
        program.stop().await?;
    }
    Ok(())
}
