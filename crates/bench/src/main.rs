//! `cargo xtask bench`: measures the performance of the system as it is deployed: the services' own
//! programs, against a private broker and a private database that write to the disk what they confirm.
//!
//! An absolute figure says nothing on another machine, so each figure stands beside that of a plain
//! program which was measured in the same run, in turn with ours: the references in `reference/`, each
//! what a competent engineer writes without our promises and without tuning. They are subcommands of
//! this program and run as processes of their own, like the services.
//!
//! This crate is excepted from the rule that only `bus` names async-nats and only `store` names sqlx:
//! a reference that was built on our own crates would measure them against themselves. It does not
//! use `service` either, whose allocator would become theirs.
//!
//! # Adding a figure
//!
//! Give it a name in `options.rs` and a module in `measure/` whose `run` adds rows to the table, and
//! call that in `run.rs`.

mod backlog;
mod broker;
mod cpu;
mod drain;
mod load;
mod measure;
mod numbers;
mod options;
mod program;
mod reference;
mod run;
mod stage;
mod table;

use std::process::ExitCode;

use clap::Parser;

#[derive(Parser)]
#[command(
    name = "bench",
    about = "Measures the services beside references",
    args_conflicts_with_subcommands = true
)]
struct Arguments {
    #[command(flatten)]
    options: options::Options,
    #[command(subcommand)]
    reference: Option<reference::Reference>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.reference {
        Some(reference) => reference::run(reference),
        None => run::run(&arguments.options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
