//! Cargo as a tool of the tasks.

use std::path::{Path, PathBuf};
use std::process::{ExitCode, ExitStatus, Stdio};

use anyhow::{Context, Result, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::Command;

use crate::stop::Stop;

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// Variables that cargo sets for the programs that it runs, us included, and that build scripts of
/// dependencies read: passed on, they would recompile those dependencies at each change between cargo
/// and a task.
const ABOUT_US: [&str; 7] = [
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_PATH",
    "CARGO_PKG_NAME",
    "CARGO_PKG_VERSION_MAJOR",
    "CARGO_PKG_VERSION_MINOR",
    "CARGO_PKG_VERSION_PATCH",
    "CARGO_PKG_VERSION_PRE",
];

/// Returns a cargo command in the repository's root. It shares our terminal, and ends with us.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(root()).kill_on_drop(true);
    for variable in ABOUT_US {
        command.env_remove(variable);
    }
    command
}

/// Returns a command that builds the packages' programs, into the directory of the `profile` in the
/// [`target_dir`].
pub(crate) fn build(profile: &str, packages: &[String]) -> Command {
    let mut build = cargo();
    build.args(["build", "--profile", profile]);
    for package in packages {
        build.args(["--package", package]);
    }
    build
}

/// Runs a command, and fails unless it succeeds.
pub(crate) async fn succeed(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .await
        .with_context(|| format!("cannot start {}", name(command)))?;
    ensure!(status.success(), "{} ended with {status}", name(command));
    Ok(())
}

/// Runs a command that ends in its own way when it is asked to, as a test runner does, which first ends
/// its tests. A Ctrl-C on the terminal reaches it without us; the second one insists.
pub(crate) async fn finish(command: &mut Command, stop: &mut Stop) -> Result<ExitStatus> {
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot start {}", name(command)))?;
    let mut asked = false;
    loop {
        let signal = tokio::select! {
            status = child.wait() => return Ok(status?),
            signal = stop.asked() => signal,
        };
        if asked {
            child.start_kill()?;
        } else if let (Signal::SIGTERM | Signal::SIGHUP, Some(pid)) = (signal, child.id()) {
            kill(Pid::from_raw(i32::try_from(pid)?), signal)?;
        }
        asked = true;
    }
}

/// Returns the packages that are deployed: those with a program, except the ones for work on the
/// project.
pub(crate) async fn services() -> Result<Vec<String>> {
    let tools = ["xtask", "testkit", "e2e", "bench", "chaos"];
    let metadata = metadata().await?;
    let packages = metadata["packages"].as_array().context("no packages")?;
    let deployed = packages.iter().filter(|package| {
        let targets = package["targets"].as_array().into_iter().flatten();
        targets
            .flat_map(|target| target["kind"].as_array().into_iter().flatten())
            .any(|kind| kind == "bin")
    });
    let names = deployed.filter_map(|package| package["name"].as_str());
    Ok(names
        .filter(|name| !tools.contains(name))
        .map(str::to_owned)
        .collect())
}

/// Returns cargo's target directory.
pub(crate) async fn target_dir() -> Result<PathBuf> {
    let metadata = metadata().await?;
    let directory = metadata["target_directory"]
        .as_str()
        .context("no target directory")?;
    Ok(PathBuf::from(directory))
}

async fn metadata() -> Result<serde_json::Value> {
    let mut command = cargo();
    command.args([
        "metadata",
        "--no-deps",
        "--format-version",
        "1",
        "--offline",
    ]);
    let output = command.stderr(Stdio::inherit()).output().await?;
    ensure!(
        output.status.success(),
        "`cargo metadata` ended with {}",
        output.status
    );
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Converts a child's exit status to our exit code.
pub(crate) fn code(status: ExitStatus) -> ExitCode {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}

/// Returns the command as one would type it.
fn name(command: &Command) -> String {
    let command = command.as_std();
    let program = Path::new(command.get_program())
        .file_name()
        .unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args());
    let words: Vec<_> = words
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    format!("`{}`", words.join(" "))
}
