//! `cargo xtask chaos`: breaks the whole system under load, and judges what came of it.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use testkit::install;
use tokio::process::Command;

use crate::cargo::{cargo, code, finish, target_dir};
use crate::stop::Stop;

/// What to break, and for how long.
#[derive(Args)]
pub(crate) struct Options {
    /// Arguments for chaos: `--seed 7` repeats a schedule, `--minutes 30` soaks, `--only kill,broker`
    /// does only that; `-- --help` tells of all
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

/// Builds and breaks; the exit code is 1 if a promise was broken too. It is the build of the tests, whose
/// arithmetic fails loudly.
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
