//! `cargo xtask compose-test`: walks through the compose files as a user does, on a real engine, and
//! checks at each step what the user sees.
//!
//! Nothing else on the machine disturbs it: it has a project name of its own and uses free ports.
//! However it ends, it removes everything that it made.

mod containers;
mod docker;
mod images;
mod look;
mod page;
mod restore;
mod saved;
mod share;
mod steps;

use std::fs::{self, File, TryLockError};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::cargo::target_dir;
use crate::stop::Stop;
use docker::Docker;

/// Options of the walk-through.
#[derive(Args)]
pub(crate) struct Options {
    /// On CI (this is set) it is a failure if there is no engine to test on
    #[arg(long, env, hide = true, default_value = "")]
    ci: String,
}

/// Runs the walk-through, shows the state of the containers if it failed, and cleans up.
pub(crate) async fn run(options: Options) -> Result<ExitCode> {
    if let Err(reason) = docker::usable().await {
        return Ok(untested(&reason, !options.ci.is_empty()));
    }
    let _lock = lock().await?;
    let mut stop = Stop::listen()?;
    let docker = Docker::new()?;
    // An earlier run may have left containers behind when it was killed.
    docker.remove_all().await?;
    let walked = tokio::select! {
        walked = steps::walk(&docker) => walked.map(|()| ExitCode::SUCCESS),
        signal = stop.asked() => {
            eprintln!("stopped by {signal}; cleaning up");
            Ok(ExitCode::from(130))
        }
    };
    if walked.is_err() {
        docker.show_state().await;
    }
    let cleaned = docker.remove_all().await;
    let code = walked?;
    cleaned?;
    if code == ExitCode::SUCCESS {
        println!("compose-test: all steps passed");
    }
    Ok(code)
}

/// Takes the lock that only one run in a checkout may hold, because they share a project name. It is
/// released when the process ends.
async fn lock() -> Result<File> {
    let directory = target_dir().await?;
    fs::create_dir_all(&directory)?;
    let path = directory.join("compose-test.lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .with_context(|| format!("cannot open `{}`", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!("another `compose-test` runs in this checkout"),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock `{}`", path.display()))
        }
    }
}

/// Reports conspicuously that nothing was tested. Fails on CI.
fn untested(reason: &anyhow::Error, ci: bool) -> ExitCode {
    let line = "!".repeat(80);
    eprintln!("{line}\n!! THE COMPOSE WALK-THROUGH WAS NOT TESTED: {reason:#}\n{line}");
    if ci {
        eprintln!("error: on CI (the variable CI is set) that is a failure");
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}
