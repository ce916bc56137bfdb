//! Preparing a cluster's start, and waiting until it is ready.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::STOP;
use super::place::Cluster;
use crate::install::{self, PostgresTools};
use crate::process::{Process, Signal};
use crate::{orphans, try_eventually};

/// Time within which a cluster must be ready; recovery after a crash takes a while.
const START: Duration = Duration::from_mins(1);

/// Returns whether an error of a start is transient, so that another attempt may succeed.
pub(super) fn is_passing(error: &anyhow::Error) -> bool {
    let text = format!("{error:#}");
    ["Address already in use", "still in use"]
        .iter()
        .any(|part| text.contains(part))
}

/// Waits until the server accepts connections. It writes its state and its process id to
/// `postmaster.pid`, so that the state is certainly that of this process.
pub(super) async fn ready(process: &mut Process, data: &Path) -> Result<()> {
    let pid = process.pid().context("postgres ended at once")?.to_string();
    let ready = try_eventually("PostgreSQL is ready", START, async || {
        if let Some(status) = process.exited()? {
            return Ok(Err(status)); // No use in waiting longer.
        }
        let text = fs::read_to_string(data.join("postmaster.pid"))?;
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        ensure!(lines.first() == Some(&pid.as_str()), "not started yet");
        ensure!(lines.get(7) == Some(&"ready"), "state {:?}", lines.get(7));
        Ok(Ok(()))
    })
    .await;
    match ready {
        Ok(Ok(())) => Ok(()),
        Ok(Err(status)) => bail!("postgres ended with {status}:{}", process.tail()),
        Err(error) => Err(error.context(format!("postgres wrote:{}", process.tail()))),
    }
}

/// Returns the programs for a cluster: of the version that made it, if it exists.
pub(super) fn tools(place: &Cluster) -> Result<PostgresTools> {
    let Some(major) = place.made_by()? else {
        return install::postgres();
    };
    install::postgres_of(major).with_context(|| {
        format!(
            "`{}` was made by PostgreSQL {major}: install postgresql-{major}, or remove the directory \
             to start with an empty database",
            place.data().display()
        )
    })
}

/// Stops the server of an earlier run that nobody stopped, and removes its `postmaster.pid`, which would
/// keep the next one from starting if the process id is in use again.
pub(super) async fn stop_predecessor(data: &Path) -> Result<()> {
    let file = data.join("postmaster.pid");
    let Ok(text) = fs::read_to_string(&file) else {
        return Ok(());
    };
    if let Some(pid) = text.lines().next().and_then(|pid| pid.trim().parse().ok()) {
        // A server's working directory is its data directory; no other process has that.
        let here = fs::read_link(format!("/proc/{pid}/cwd")).ok();
        if here.is_some() && here == data.canonicalize().ok() {
            orphans::stop_pid(pid, Signal::SIGINT, STOP).await?;
        }
    }
    drop(fs::remove_file(&file));
    Ok(())
}
