//! Runs the benchmark from its options to the table.

use std::time::Instant;

use anyhow::{Result, bail};
use tokio::signal::unix::{SignalKind, signal};

use crate::measure::{accept, browsers, drain, live, memory, outage, page, start};
use crate::options::{Figure, Options};
use crate::stage::Stage;
use crate::table::Table;

/// Measures, and prints the table.
///
/// A single thread does everything here, because the load must leave the cores to the programs that it
/// measures.
pub(crate) fn run(options: &Options) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        // Our child processes would outlive us if a signal simply ended us.
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        tokio::select! {
            done = measure(options) => done,
            _ = terminate.recv() => bail!("stopped"),
            _ = interrupt.recv() => bail!("stopped"),
        }
    })
}

async fn measure(options: &Options) -> Result<()> {
    let began = Instant::now();
    eprintln!("{:>5.0} s  starting the broker and the database", 0.0);
    let mut stage = Stage::set(options, began).await?;
    let mut table = Table::default();
    table.note(stage.machine().await?);
    if options.want_any(&[Figure::B1, Figure::B3, Figure::B4]) {
        table.note(
            "The ratio of rates (B1, B3, B4) is the median of the rounds' own ratios, not the quotient \
             of the medians shown.",
        );
    }
    if options.want_any(&[Figure::B1, Figure::B2]) {
        accept::run(&mut stage, &mut table, options).await?;
    }
    if options.want_any(&[Figure::B3, Figure::B4]) {
        drain::run(&mut stage, &mut table, options).await?;
    }
    if options.wants(Figure::B5) {
        live::run(&mut stage, &mut table).await?;
    }
    if options.wants(Figure::B6) {
        memory::run(&mut stage, &mut table).await?;
    }
    if options.wants(Figure::B7) {
        start::run(&mut stage, &mut table).await?;
    }
    if options.wants(Figure::B8) {
        page::run(&mut stage, &mut table).await?;
    }
    if options.wants(Figure::B9) {
        browsers::run(&mut stage, &mut table).await?;
    }
    if options.wants(Figure::B10) {
        outage::run(&mut stage, &mut table).await?;
    }
    if !options.judges() {
        table.note("These sizes are too small for a verdict.");
    }
    stage.say("done");
    println!("\n{}", table.render(options.judges()));
    stage.clear().await
}
