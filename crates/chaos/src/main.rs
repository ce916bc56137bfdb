//! `cargo xtask chaos`: see the library.

use std::process::ExitCode;

use anyhow::{Result, bail};
use chaos::{Options, Verdict};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

#[derive(Parser)]
#[command(
    name = "chaos",
    about = "Breaks the whole system under load, and judges"
)]
struct Arguments {
    #[command(flatten)]
    options: Options,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match verdict(&Arguments::parse().options).await {
        Ok(verdict) => {
            println!("\n{verdict}");
            ExitCode::from(u8::from(!verdict.passed()))
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

async fn verdict(options: &Options) -> Result<Verdict> {
    // Our child processes would outlive us if a signal simply ended us.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        verdict = chaos::run(options) => verdict,
        _ = terminate.recv() => bail!("stopped"),
        _ = interrupt.recv() => bail!("stopped"),
    }
}
