//! `cargo xtask stop`, `start` and `kill`: commands from another terminal to the running system.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;

use crate::cargo::{self, succeed};
use crate::up::control::{Command, tell};
use crate::up::{Data, PROFILE, choice};

/// Targets of `stop` and `kill`.
#[derive(Args)]
pub(crate) struct Options {
    /// A member such as `save-handler-1`, a service, which means all its members, `message-queue` or
    /// `todo-db`; several, one after the other
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,
    #[command(flatten)]
    data: Data,
}

/// Targets of `start`, with the number of members.
#[derive(Args)]
pub(crate) struct StartOptions {
    /// A member such as `save-handler-1`, a service, `message-queue` or `todo-db`; `save-handler=3` starts
    /// as many members as are missing until three run
    #[arg(value_name = "NAME[=COUNT]", required = true)]
    names: Vec<String>,
    #[command(flatten)]
    data: Data,
}

/// Stops the targets.
pub(crate) async fn stop(options: Options) -> Result<ExitCode> {
    let wishes = options.names.into_iter().map(|name| Command::Stop { name });
    tell_all(&options.data, wishes.collect()).await
}

/// Kills the targets.
pub(crate) async fn kill(options: Options) -> Result<ExitCode> {
    let wishes = options.names.into_iter().map(|name| Command::Kill { name });
    tell_all(&options.data, wishes.collect()).await
}

/// Starts the targets. A service is built before: it may be new, or changed.
pub(crate) async fn start(options: StartOptions) -> Result<ExitCode> {
    let mut wishes = Vec::new();
    let mut services = Vec::new();
    for wish in options.names {
        let (name, count) = match wish.split_once('=') {
            Some((name, count)) => {
                let service = choice::service(name).map_err(anyhow::Error::msg)?;
                let count = count.parse().context("expected a number after `=`")?;
                (service, Some(count))
            }
            None => (wish, None),
        };
        services.extend(choice::service(&name).ok());
        wishes.push(Command::Start { name, count });
    }
    if !services.is_empty() {
        succeed(cargo::build(PROFILE, &services).arg("--quiet")).await?;
    }
    tell_all(&options.data, wishes).await
}

async fn tell_all(data: &Data, wishes: Vec<Command>) -> Result<ExitCode> {
    let dir = data.dir()?;
    for wish in &wishes {
        for line in tell(&dir, wish).await? {
            println!("{line}");
        }
    }
    Ok(ExitCode::SUCCESS)
}
