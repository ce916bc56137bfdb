//! `cargo xtask bench`: measures the performance of the system, beside plain programs that do the same.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use testkit::install;
use tokio::process::Command;

use crate::cargo::{build, code, finish, services, target_dir};
use crate::stop::Stop;

/// The build profile: that of the programs in the images.
const PROFILE: &str = "dist";

/// Options of the benchmark.
#[derive(Args)]
pub(crate) struct Options {
    /// Arguments for the benchmark: `--only B1,B3` measures only these, `--rounds 9` more often,
    /// `--quick` shows in a few seconds that it works; `-- --help` lists all
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

/// Builds and measures. The exit code tells whether it could be measured, not whether the goals were
/// met.
pub(crate) async fn run(options: Options) -> Result<ExitCode> {
    install::ensure_servers()?;
    let mut stop = Stop::listen()?;
    // Two builds: in one, cargo would add the features that the benchmark needs of shared dependencies
    // to the services.
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
