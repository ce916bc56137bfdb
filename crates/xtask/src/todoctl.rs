//! `cargo xtask todoctl`: the operator's command line, on the running system.

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use clap::Args;

use crate::cargo::{self, succeed, target_dir};
use crate::up::{Data, PROFILE, run_file};

/// Options of the task.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    data: Data,
    /// Arguments for todoctl, such as `status`; `help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<String>,
}

/// Replaces this process with the todoctl that `up` has built: exit code, signals and terminal are its
/// own. Builds it if it is missing.
#[expect(
    clippy::disallowed_methods,
    reason = "it only asks whether todoctl will find its own setting"
)]
pub(crate) async fn run(options: Options) -> Result<ExitCode> {
    let program = target_dir().await?.join(PROFILE).join("todoctl");
    if !program.is_file() {
        succeed(&mut cargo::build(PROFILE, &["todoctl".to_owned()])).await?;
    }
    let mut command = Command::new(&program);
    command.args(options.words);
    if std::env::var_os("NATS_URL").is_none() {
        // Help needs no running system; todoctl itself says which broker it tries then.
        if let Ok(nats) = run_file::nats(&options.data.dir()?) {
            command.env("NATS_URL", nats);
        }
    }
    let error = command.exec();
    Err(error).with_context(|| format!("cannot start `{}`", program.display()))
}
