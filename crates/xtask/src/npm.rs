//! Packages of the npm registry, for checks that are written in JavaScript.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use testkit::install;
use tokio::process::Command;

use crate::cargo::{finish, target_dir};
use crate::stop::Stop;

/// A package, in the one version that we use.
pub(crate) struct Package {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    /// Its dependencies without an exact version of their own, pinned to one.
    pub(crate) with: &'static [&'static str],
    /// Prefix of its directory under `target/`.
    pub(crate) directory: &'static str,
}

impl Package {
    /// Returns the directory of the package, which is installed if it is missing.
    pub(crate) async fn ensure(&self, stop: &mut Stop) -> Result<PathBuf> {
        let (name, version) = (self.name, self.version);
        let target = target_dir().await?;
        let directory = target.join(format!("{}-{version}", self.directory));
        if directory.exists() {
            return Ok(directory);
        }
        if !runs("npm").await {
            install::ensure_packages(&["nodejs", "npm"])?;
        }
        eprintln!(
            "Installing {name} {version} under `{}`",
            directory.display()
        );
        // It is renamed when it is complete, so that a directory that exists is complete.
        let unfinished = target.join(format!("{}.unfinished", self.directory));
        fs::create_dir_all(&unfinished)?;
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--ignore-scripts"]);
        npm.args([
            "--loglevel=error",
            "--fetch-retries=1",
            "--fetch-timeout=20000",
        ]);
        npm.arg("--prefix")
            .arg(&unfinished)
            .arg(format!("{name}@{version}"))
            .args(self.with);
        npm.stdout(Stdio::null()).kill_on_drop(true);
        let installed = finish(&mut npm, stop).await?;
        ensure!(
            installed.success(),
            "npm cannot install it ({installed}); this needs the network, once"
        );
        fs::rename(&unfinished, &directory).with_context(|| format!("cannot keep {name}"))?;
        Ok(directory)
    }
}

async fn runs(program: &str) -> bool {
    let mut command = Command::new(program);
    command
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().await.is_ok_and(|status| status.success())
}
