//! The choice of the broker: the one that the settings name, or that of the system that runs here.

use std::{
    fmt, fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use anyhow::Context;
use serde::Deserialize;
use service::settings::NatsUrl;

/// The file in the repository to which `cargo xtask up` writes the addresses.
const RUN_FILE: &str = ".todo/run.json";

/// The address that is tried without any of these.
const DEFAULT_URL: &str = "nats://operator:operator@localhost:4222";

/// A broker, and the source of its address, which is shown without the password.
pub(crate) struct Broker {
    pub(crate) url: NatsUrl,
    from: From,
}

enum From {
    Settings,
    RunFile(PathBuf),
    Nowhere,
}

/// The part of the file that is used.
#[derive(Deserialize)]
struct Run {
    nats: String,
}

impl Broker {
    /// Finds the broker: the one that is `given`, or else that of the system that runs in `folder` or
    /// above, or else the default one. Writes its choice to the standard error if none was given.
    pub(crate) fn find(given: Option<NatsUrl>, folder: &Path) -> anyhow::Result<Self> {
        if let Some(url) = given {
            let from = From::Settings;
            return Ok(Self { url, from });
        }
        for folder in folder.ancestors() {
            let file = folder.join(RUN_FILE);
            let text = match fs::read(&file) {
                Err(error) if is_absence(error.kind()) => continue,
                text => text.with_context(|| format!("cannot read `{}`", file.display()))?,
            };
            let run: Run = serde_json::from_slice(&text)
                .with_context(|| format!("cannot understand `{}`", file.display()))?;
            let url = run.nats.parse().map_err(anyhow::Error::msg);
            let url = url.with_context(|| format!("cannot use `{}`", file.display()))?;
            eprintln!("using the system of `{}`", file.display());
            let from = From::RunFile(file);
            return Ok(Self { url, from });
        }
        let url: NatsUrl = DEFAULT_URL.parse().map_err(anyhow::Error::msg)?;
        eprintln!("no NATS_URL is given and there is no `{RUN_FILE}` here or above: trying {url}");
        let from = From::Nowhere;
        Ok(Self { url, from })
    }
}

fn is_absence(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotFound | ErrorKind::NotADirectory)
}

impl fmt::Display for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, from } = self;
        match from {
            From::Settings => write!(f, "{url} (NATS_URL)"),
            From::RunFile(file) => write!(f, "{url} (`{}`)", file.display()),
            From::Nowhere => write!(f, "{url} (no NATS_URL is given)"),
        }
    }
}
