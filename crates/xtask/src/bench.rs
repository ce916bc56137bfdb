//! `cargo xtask bench`: how fast the system is, beside plain programs that do the same.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use testkit::install;
use tokio::process::Command;

use crate::cargo::{build, code, finish, services, target_dir};
use crate::stop::Stop;

/// What is measured is what images hold.
const PROFILE: &str = "dist";

/// What to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// Arguments for the bench: `--only B1,B3` measures only these, `--rounds 9` more often, `--quick`
    /// shows in a few seconds that it works; `-- --help` tells of all
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

/// Builds and measures; the exit code says whether it could be measured, not what came of it.
pub(crate) async fn run(options: Options) -> Result<ExitCode> {
    install::ensure_servers()?;
    let mut stop = Stop::listen()?;
    // Two builds: in one, the services would get what the bench needs of their dependencies.
    let services = services().await?;
    for packages in [services, vec!["bench".to_owned()]] {
        let status = finish(&mut build(PROFILE, &packages), &mut stop).await?;
        if !status.success() {
            return Ok(code(status));
        }
    }
    let mut bench = Command::new(target_dir().await?.join(PROFILE).join("bench"));
    let done = finish(bench.args(&options.args).kill_on_drop(true), &mut stop).await?;
    Ok(code(done))
}
