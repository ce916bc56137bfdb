//! The life of a command-line tool.

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use tokio_util::sync::CancellationToken;

use crate::{
    command_line::{read, refuse},
    signals::Signals,
    telemetry,
};

/// Reads the command line and the settings, and runs `main`. Ctrl-C cancels its token.
///
/// Warnings go to the standard error, so that the output is the tool's own. The exit code is what
/// `main` returns, 1 after a failure, or 2 if the command line or a setting is wrong.
pub fn tool<T, F, Fut>(main: F) -> ExitCode
where
    T: Parser,
    F: FnOnce(T, CancellationToken) -> Fut,
    Fut: Future<Output = anyhow::Result<ExitCode>>,
{
    let tool = match read(T::command()).map(|matches| T::from_arg_matches(&matches)) {
        Ok(Ok(tool)) => tool,
        Ok(Err(error)) => return refuse(&error),
        Err(refused) => return refused,
    };
    telemetry::init_warnings();
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: cannot start the runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let stop = CancellationToken::new();
    let result = runtime.block_on(async {
        let signals = Signals::listen().context("cannot listen to signals")?;
        tokio::select! {
            result = main(tool, stop.clone()) => result,
            () = signals.force_exit(stop.clone()) => Err(anyhow::anyhow!("interrupted")),
        }
    });
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
