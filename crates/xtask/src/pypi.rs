//! Programs of the Python package index, for checks that are written in Python.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use testkit::install;
use tokio::process::Command;

use crate::cargo::{finish, target_dir};
use crate::stop::Stop;

/// A package, in the one version that we use, in an environment of its own.
pub(crate) struct Package {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
}

impl Package {
    /// Installs the package under `target/` if it is missing.
    pub(crate) async fn ensure(&self, stop: &mut Stop) -> Result<()> {
        let directory = self.directory().await?;
        // An environment contains its own path, so it cannot be renamed when it is complete; a file
        // marks that.
        let whole = directory.join("whole");
        if whole.exists() {
            return Ok(());
        }
        if !has_environments().await {
            install::ensure_packages(&["python3", "python3-venv"])?;
        }
        let (name, version) = (self.name, self.version);
        eprintln!(
            "Installing {name} {version} under `{}`",
            directory.display()
        );
        let mut environment = Command::new("python3");
        environment.args(["-m", "venv", "--clear"]).arg(&directory);
        let made = finish(environment.kill_on_drop(true), stop).await?;
        ensure!(made.success(), "python3 makes no environment ({made})");
        let mut pip = Command::new(directory.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "--no-input"]);
        pip.args(["--disable-pip-version-check", "--retries=1", "--timeout=20"]);
        pip.arg(format!("{name}=={version}"));
        let installed = finish(pip.kill_on_drop(true), stop).await?;
        ensure!(
            installed.success(),
            "pip cannot install it ({installed}); this needs the network, once"
        );
        fs::write(&whole, "").with_context(|| format!("cannot keep {name}"))
    }

    async fn directory(&self) -> Result<PathBuf> {
        let target = target_dir().await?;
        Ok(target.join(format!("{}-{}", self.name, self.version)))
    }
}

/// Returns whether Python can make environments; Debian has that in a package of its own.
async fn has_environments() -> bool {
    let mut python = Command::new("python3");
    python.args(["-c", "import ensurepip, venv"]);
    python.stdout(Stdio::null()).stderr(Stdio::null());
    python.status().await.is_ok_and(|status| status.success())
}
