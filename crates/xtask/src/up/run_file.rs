//! `run.json`: where everything is, for other programs. It is there while the system is ready.

use std::fs;
use std::path::Path;

use anyhow::Result;
use serde::Serialize;
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

/// Writes the file, all at once: whoever waits for it finds it whole.
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

/// Removes the file, if it is there.
pub(super) fn remove(dir: &Path) {
    drop(fs::remove_file(dir.join(NAME)));
}
