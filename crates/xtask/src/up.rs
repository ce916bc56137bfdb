//! `cargo xtask up`: the whole system on this machine, without Docker.

pub(crate) mod choice;
pub(crate) mod control;
mod operate;
mod print;
pub(crate) mod run_file;
mod supervise;

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use testkit::ports::is_free;
use testkit::system::Event;
use testkit::{System, SystemOptions, install};

use crate::cargo::{self, root, services, succeed, target_dir};
use crate::stop::Stop;
use choice::Scale;
use control::Control;
use print::Printer;

/// The build profile. A first start waits for the build, so it is the one that compiles faster.
pub(crate) const PROFILE: &str = "release";

/// Options of `up`.
#[derive(Args)]
pub(crate) struct Options {
    /// Number of members of a service, for example `save-handler=3`
    #[arg(long, value_name = "SERVICE=COUNT")]
    scale: Vec<Scale>,

    /// Leave a service out
    #[arg(long, value_name = "SERVICE", value_parser = choice::service)]
    without: Vec<String>,

    /// The web page's port [default: the one that it had, at first 8080, or a free one]
    #[arg(long, value_name = "PORT")]
    web_port: Option<u16>,

    /// The API's port [default: the one that it had, at first 8081, or a free one]
    #[arg(long, value_name = "PORT")]
    api_port: Option<u16>,

    /// The port of the broker's monitoring [default: the one that it had, at first 8222, or a free one]
    #[arg(long, value_name = "PORT")]
    monitor_port: Option<u16>,

    #[command(flatten)]
    data: Data,
}

/// The data directory, which identifies a system if there are several.
#[derive(Args)]
pub(crate) struct Data {
    /// Directory of the data [default: `.todo` in the repository]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl Data {
    pub(crate) fn dir(&self) -> Result<PathBuf> {
        let dir = self.data.clone();
        Ok(std::path::absolute(
            dir.unwrap_or_else(|| root().join(".todo")),
        )?)
    }
}

/// Starts everything, keeps it running, and stops it on Ctrl-C.
pub(crate) async fn run(options: Options) -> Result<ExitCode> {
    let dir = options.data.dir()?;
    fs::create_dir_all(&dir).with_context(|| format!("cannot make `{}`", dir.display()))?;
    let _lock = lock(&dir)?;
    // A file of a run that was killed may be left, and its addresses are not ours.
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
    let mut control = Control::listen(&dir)?;
    let result = tokio::select! {
        failed = supervise::keep_up(&mut system, &mut control, &printer) => failed,
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

/// Takes the lock that only one system on the same data may hold. It is released when the process ends,
/// however that ends.
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
    // Leftover processes may hold the ports that are chosen next.
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
    let given = |flag: &str, port: Option<u16>| {
        let taken = port.filter(|port| *port != 0 && !is_free(*port));
        ensure!(
            taken.is_none(),
            "port {} is taken: give another one by `{flag}`",
            taken.unwrap_or_default()
        );
        Ok(port.filter(|port| *port != 0))
    };
    let usual = [
        ("todo-web-1", (8080, "--web-port")),
        ("todo-api-1", (8081, "--api-port")),
        ("monitor", (8222, "--monitor-port")),
    ];
    let mut system = SystemOptions {
        dir: Some(dir.to_owned()),
        bin_dir: Some(bin_dir),
        log_format: print::on_a_terminal().then(|| "terminal".to_owned()),
        log_filter: None,
        apart: true,
        scale: choice::services().into_iter().collect(),
        web_port: given("--web-port", options.web_port)?,
        api_port: given("--api-port", options.api_port)?,
        monitor_port: given("--monitor-port", options.monitor_port)?,
        usual_ports: usual.map(|(name, port)| (name.to_owned(), port)).into(),
        ..SystemOptions::default()
    };
    for Scale { service, count } in &options.scale {
        system = system.scale(service, *count);
    }
    for service in &options.without {
        system = system.without(service);
    }
    let show = printer.clone();
    system.report = std::sync::Arc::new(move |event| match event {
        Event::Step(step) => show.step(step),
        Event::Line { member, line } => show.line(member, line),
    });
    Ok(system)
}
