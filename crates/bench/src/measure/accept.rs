//! B1 and B2: rate of accepted requests, and their latency.

use std::fmt;

use anyhow::{Result, ensure};

use crate::backlog::stored;
use crate::load::{self, Load};
use crate::numbers::median;
use crate::options::{Figure, Options, Sizes};
use crate::program::Program;
use crate::stage::Stage;
use crate::table::{Goal, Table, Value};

/// Number of callers, each with one request in flight; many more for a second measurement.
const CALLERS: usize = 64;
const MANY_CALLERS: usize = 256;

/// Share of the highest rate at which B2 measures latencies.
const SHARE: f64 = 0.7;

/// The API that is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Api {
    Ours,
    Bare,
    Synchronous,
}

/// Measures and adds the rows.
pub(crate) async fn run(stage: &mut Stage, table: &mut Table, options: &Options) -> Result<()> {
    let rounds = stage.sizes.rounds;
    let mut few: Vec<(Api, f64)> = Vec::new();
    let mut many = Vec::new();
    for round in 1..=rounds {
        for (apis, callers, rates) in [
            (
                &[Api::Synchronous, Api::Bare, Api::Ours][..],
                CALLERS,
                &mut few,
            ),
            (&[Api::Bare, Api::Ours][..], MANY_CALLERS, &mut many),
        ] {
            if callers == MANY_CALLERS && !options.wants(Figure::B1) {
                continue;
            }
            for api in apis {
                let rate = most(stage, *api, callers, round).await?;
                rates.push((*api, rate));
            }
        }
    }
    if options.wants(Figure::B1) {
        add_rates(table, &few, &many);
    }
    if options.wants(Figure::B2) {
        let (mut ours, mut bare) = (Vec::new(), Vec::new());
        let rate = |api| SHARE * median(of(&few, api));
        for round in 1..=rounds {
            bare.push(slowest(stage, Api::Bare, rate(Api::Bare), round).await?);
            ours.push(slowest(stage, Api::Ours, rate(Api::Ours), round).await?);
        }
        let (ours, bare) = (
            Value::Milliseconds(median(ours)),
            Value::Milliseconds(median(bare)),
        );
        let what = "slowest 1 % of those (p99), at 70 % of that";
        table.compare("B2", what, ours, bare, Goal::BelowTimes(3.0));
        table.note(
            "B2: each at 70 % of its own most, sent at an even rate; a request's time counts from \
             when it was due.",
        );
    }
    Ok(())
}

fn add_rates(table: &mut Table, few: &[(Api, f64)], many: &[(Api, f64)]) {
    let what =
        |callers, reference| format!("POST /todo accepted, {callers} callers, to {reference}");
    for (callers, rates, reference, goal) in [
        (CALLERS, few, Api::Synchronous, Goal::AtLeastTimes(4.5)),
        (CALLERS, few, Api::Bare, Goal::AtLeastTimes(0.9)),
        (MANY_CALLERS, many, Api::Bare, Goal::None),
    ] {
        let (ours, theirs) = (of(rates, Api::Ours), of(rates, reference));
        table.compare_rounds("B1", what(callers, reference), &ours, &theirs, goal);
    }
    table.note(
        "Synchronous API: axum, an INSERT into a plain table and 201, a pool of 10 connections. Bare \
         API: axum, JSON parsed, published with a message id, the stream's confirmation awaited, 202; \
         nothing of problem documents, limits, request ids, metrics or CloudEvents. Both on Tokio's \
         default runtime and the system's allocator.",
    );
}

/// Returns the rates of one API, round by round.
fn of(rates: &[(Api, f64)], api: Api) -> Vec<f64> {
    let rates = rates.iter().filter(|(of, _)| *of == api);
    rates.map(|(_, rate)| *rate).collect()
}

/// Returns the highest rate per second at which an API accepts requests.
async fn most(stage: &mut Stage, api: Api, callers: usize, round: usize) -> Result<f64> {
    let program = start(stage, api).await?;
    let meter = stage.meter(&[&program]);
    let load = api.load(&program, callers, &stage.sizes);
    let done = load::closed(&load).await?;
    let cores = meter.stop(done.per_second);
    check(stage, api, done.answered).await?;
    stage.say(&format!(
        "B1 round {round}: {api}, {callers} callers: {} (p50 {:.2} ms, p99 {:.2} ms; {cores})",
        Value::PerSecond(done.per_second),
        done.latencies.p50_ms(),
        done.latencies.p99_ms(),
    ));
    program.stop().await?;
    Ok(done.per_second)
}

/// Returns the 99th percentile of the latency in milliseconds at a rate.
async fn slowest(stage: &mut Stage, api: Api, rate: f64, round: usize) -> Result<f64> {
    let program = start(stage, api).await?;
    let meter = stage.meter(&[&program]);
    let load = api.load(&program, CALLERS, &stage.sizes);
    let times = load::open(&load, rate, |_, _| ()).await?;
    let cores = meter.stop(rate);
    stage.say(&format!(
        "B2 round {round}: {api} at {}: p50 {:.2} ms, p99 {:.2} ms ({cores})",
        Value::PerSecond(rate),
        times.p50_ms(),
        times.p99_ms(),
    ));
    program.stop().await?;
    Ok(times.p99_ms())
}

async fn start(stage: &mut Stage, api: Api) -> Result<Program> {
    stage.fresh().await?;
    let mut program = match api {
        Api::Ours => stage.service("todo-api", 1, &[])?,
        Api::Bare => stage.reference("bare-api")?,
        Api::Synchronous => stage.reference("synchronous-api")?,
    };
    match api {
        Api::Ours => program.ready().await.map(drop)?,
        Api::Bare | Api::Synchronous => program.listening().await?,
    }
    Ok(program)
}

/// Fails unless as many events or rows are stored as requests were accepted.
async fn check(stage: &mut Stage, api: Api, answered: u64) -> Result<()> {
    let kept = match api {
        Api::Ours | Api::Bare => stored(stage).await?,
        Api::Synchronous => stage.count("select count(*) from plain.items").await?,
    };
    ensure!(
        kept == answered,
        "{api}: {answered} were accepted and {kept} are there"
    );
    Ok(())
}

impl Api {
    fn load(self, program: &Program, connections: usize, sizes: &Sizes) -> Load {
        Load {
            address: program.address(),
            requests: [load::post(
                "/todo",
                r#"{"item":"record the video for the campaign"}"#,
            )]
            .into(),
            status: if self == Self::Synchronous { 201 } else { 202 },
            connections,
            warm: sizes.warm,
            time: sizes.load,
        }
    }
}

impl fmt::Display for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ours => "todo-api",
            Self::Bare => "the bare API",
            Self::Synchronous => "the synchronous API",
        })
    }
}
