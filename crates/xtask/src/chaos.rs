//! `cargo xtask chaos`: breaks the whole system under load, and judges the outcome.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use testkit::install;
use tokio::process::Command;

use crate::cargo::{cargo, code, finish, target_dir};
use crate::stop::Stop;

/// Options of chaos.
#[derive(Args)]
pub(crate) struct Options {
    /// Arguments for chaos: `--seed 7` repeats a schedule, `--minutes 30` soaks, `--only kill,broker`
    /// does only that; `-- --help` lists all
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

/// Builds and breaks. The exit code is 1 also if a promise was broken. It is a debug build, as for
/// tests, whose arithmetic checks for overflow.
pub(crate) async fn run(options: Options) -> Result<ExitCode> {
    install::ensure_servers()?;
    let mut stop = Stop::listen()?;
    let built = finish(cargo().args(["build", "--workspace"]), &mut stop).await?;
    if !built.success() {
        return Ok(code(built));
    }
    let mut chaos = Command::new(target_dir().await?.join("debug/chaos"));
    let done = finish(chaos.args(&options.args).kill_on_drop(true), &mut stop).await?;
    Ok(code(done))
}
