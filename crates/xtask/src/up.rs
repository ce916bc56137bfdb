//! `cargo xtask up`: the whole system on this machine, without Docker.

mod choice;
mod ports;
mod print;
mod run_file;
mod supervise;

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;
use testkit::system::Event;
use testkit::{System, SystemOptions, install};

use crate::cargo::{self, root, services, succeed, target_dir};
use crate::stop::Stop;
use choice::Scale;
use print::Printer;

/// A first start waits for the build, so this is what is compiled soon.
const PROFILE: &str = "release";

/// What to start, and where.
#[derive(Args)]
pub(crate) struct Options {
    /// How many members of a service, for example `save-handler=3`
    #[arg(long, value_name = "SERVICE=COUNT")]
    scale: Vec<Scale>,

    /// Leave a service out
    #[arg(long, value_name = "SERVICE", value_parser = choice::service)]
    without: Vec<String>,

    /// The web page's port [default: 8080, or a free one]
    #[arg(long, value_name = "PORT")]
    web_port: Option<u16>,

    /// The API's port [default: 8081, or a free one]
    #[arg(long, value_name = "PORT")]
    api_port: Option<u16>,

    /// The port of the broker's monitoring [default: 8222, or a free one]
    #[arg(long, value_name = "PORT")]
    monitor_port: Option<u16>,

    /// Where the data is kept [default: `.todo` in the repository]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// Starts everything, keeps it running, and stops it on Ctrl-C.
pub(crate) async fn run(options: Options) -> Result<ExitCode> {
    let dir = std::path::absolute(options.data.clone().unwrap_or_else(|| root().join(".todo")))?;
    fs::create_dir_all(&dir).with_context(|| format!("cannot make `{}`", dir.display()))?;
    let _lock = lock(&dir)?;
    // It may be of a run that was killed, and nobody shall take its addresses for ours.
    run_file::remove(&dir);
    install::ensure_servers()?;
    let mut stop = Stop::listen()?;
    let printer = Printer::new();
    let mut system = tokio::select! {
        started = start(&options, &dir, &printer) => started?,
        signal = stop.asked() => {
            printer.step(&format!("stopped by {signal} before everything was up"));
            return Ok(ExitCode::from(130));
        }
    };
    let result = tokio::select! {
        failed = supervise::keep_up(&mut system, &printer) => failed,
        signal = stop.asked() => {
            printer.step(&format!("stopping ({signal}); once more insists"));
            Ok(())
        }
    };
    run_file::remove(&dir);
    tokio::select! {
        stopped = system.stop() => stopped.map(drop)?,
        signal = stop.asked() => bail!("stopped at once by {signal}"),
    }
    printer.step("stopped; the data is kept for the next start");
    result.map(|()| ExitCode::SUCCESS)
}

/// Only one system may run on the same data. The lock ends with the process, however that ends.
fn lock(dir: &Path) -> Result<File> {
    let path = dir.join("lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!(
            "the system is already up on the data in `{}`; its addresses are in `run.json` there \
             (`--data` with another directory starts a second one)",
            dir.display()
        ),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock `{}`", path.display()))
        }
    }
}

async fn start(options: &Options, dir: &Path, printer: &Printer) -> Result<System> {
    build(printer).await?;
    // What was left over may hold the ports that are looked for next.
    System::stop_leftovers(dir).await?;
    let bin_dir = target_dir().await?.join(PROFILE);
    let system = System::start(system_options(options, dir, bin_dir, printer)?).await?;
    run_file::write(&system)?;
    printer.addresses(&system);
    if !system.database_dir().starts_with(dir) {
        let place = system.database_dir().display();
        printer.step(&format!(
            "the database is in `{place}`, since its user cannot get to the data's directory"
        ));
    }
    Ok(system)
}

/// Builds the services; cargo shows its own progress.
async fn build(printer: &Printer) -> Result<()> {
    printer.step("building the services");
    succeed(&mut cargo::build(PROFILE, &services().await?)).await
}

fn system_options(
    options: &Options,
    dir: &Path,
    bin_dir: PathBuf,
    printer: &Printer,
) -> Result<SystemOptions> {
    let mut system = SystemOptions {
        dir: Some(dir.to_owned()),
        bin_dir: Some(bin_dir),
        log_format: None,
        apart: true,
        monitor_port: ports::choose("--monitor-port", options.monitor_port, 8222, printer)?,
        ..SystemOptions::default()
    };
    for Scale { service, count } in &options.scale {
        system = system.scale(service, *count);
    }
    for service in &options.without {
        system = system.without(service);
    }
    if system.scale["todo-web"] > 0 {
        system.web_port = ports::choose("--web-port", options.web_port, 8080, printer)?;
    }
    if system.scale["todo-api"] > 0 {
        system.api_port = ports::choose("--api-port", options.api_port, 8081, printer)?;
    }
    let show = printer.clone();
    system.report = std::sync::Arc::new(move |event| match event {
        Event::Step(step) => show.step(step),
        Event::Line { member, line } => show.line(member, line),
    });
    Ok(system)
}
