//! `cargo xtask compose-test`: walks through the compose files as a user does, on a real engine, and
//! checks at each step what the user sees.
//!
//! It runs beside whatever else runs: under a project name of its own and on free ports. Whatever
//! happens, it takes everything away again.

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

/// Where it is run.
#[derive(Args)]
pub(crate) struct Options {
    /// On CI (this is set) it is a failure if there is no engine to test on
    #[arg(long, env, hide = true, default_value = "")]
    ci: String,
}

/// Walks, shows what went wrong if something did, and cleans up.
pub(crate) async fn run(options: Options) -> Result<ExitCode> {
    if let Err(reason) = docker::usable().await {
        return Ok(untested(&reason, !options.ci.is_empty()));
    }
    let _lock = lock().await?;
    let mut stop = Stop::listen()?;
    let docker = Docker::new()?;
    // What an earlier walk may have left behind when it was killed.
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

/// Two walks of one checkout would walk over each other. The lock ends with the process.
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

/// Says so that nobody can miss it that nothing was tested.
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
