//! `run.json`: the addresses and members of the system, for other programs. It exists while the system
//! is ready.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use testkit::System;
use testkit::system::{Member, write_privately};

/// The file's name in the data directory.
const NAME: &str = "run.json";

#[derive(Serialize)]
struct Run {
    web: Option<String>,
    api: Option<String>,
    monitor: String,
    nats: String,
    database: String,
    members: Vec<Member>,
}

/// The part that we read ourselves.
#[derive(Deserialize)]
struct Addresses {
    nats: String,
}

/// Writes the file atomically, so that a program that waits for it finds it complete.
pub(super) fn write(system: &System) -> Result<()> {
    let run = Run {
        web: system.web(),
        api: system.api(),
        monitor: system.monitor(),
        nats: system.nats(),
        database: system.database(),
        members: system.members(),
    };
    write_privately(&system.dir().join(NAME), &serde_json::to_vec_pretty(&run)?)
}

/// Returns the broker's URL, with the operator's password. Fails if the system is not ready.
pub(crate) fn nats(dir: &Path) -> Result<String> {
    let file = dir.join(NAME);
    let text = fs::read(&file).with_context(|| {
        format!(
            "the system is not up, or not ready: there is no `{}` (start it by `cargo xtask up`)",
            file.display()
        )
    })?;
    let run: Addresses = serde_json::from_slice(&text)
        .with_context(|| format!("cannot understand `{}`", file.display()))?;
    Ok(run.nats)
}

/// Removes the file, if it exists.
pub(super) fn remove(dir: &Path) {
    drop(fs::remove_file(dir.join(NAME)));
}
