//! The project's tasks: `cargo xtask <task>`. To add one, write a module with `Options` and `run`, and
//! give it a line in [`Task`].

mod bench;
mod cargo;
mod chaos;
mod compose_test;
mod control;
mod docs;
mod npm;
mod pypi;
mod sql;
mod stop;
mod test;
mod todoctl;
mod up;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's tasks")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Starts the whole system without Docker, and stops it on Ctrl-C
    Up(up::Options),
    /// Stops a member, a service, the broker or the database of the running system, until it is started
    Stop(control::Options),
    /// Starts what was stopped, a service that was left out or is new, or more members of one
    Start(control::StartOptions),
    /// Kills it as a crash would, after which it is restarted
    Kill(control::Options),
    /// Runs todoctl on the running system
    Todoctl(todoctl::Options),
    /// Measures the performance of the system, beside plain programs that do the same
    Bench(bench::Options),
    /// Breaks the whole system under load, from a seed, and judges the outcome
    Chaos(chaos::Options),
    /// Runs every test, with a private PostgreSQL for all and a broker for each
    Test(test::Options),
    /// Walks through the compose files on a Docker engine, as a user does
    ComposeTest(compose_test::Options),
    /// Generates `docs/asyncapi.yaml` and `docs/openapi.json` from the code, and validates the first
    /// with the official parser
    Docs(docs::Options),
    /// Records the metadata of the checked SQL queries in `.sqlx`, or checks that it is recorded
    Sql(sql::Options),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Up(options) => up::run(options).await,
        Task::Stop(options) => control::stop(options).await,
        Task::Start(options) => control::start(options).await,
        Task::Kill(options) => control::kill(options).await,
        Task::Todoctl(options) => todoctl::run(options).await,
        Task::Bench(options) => bench::run(options).await,
        Task::Chaos(options) => chaos::run(options).await,
        Task::Test(options) => test::run(options).await,
        Task::ComposeTest(options) => compose_test::run(options).await,
        Task::Docs(options) => docs::run(options).await,
        Task::Sql(options) => sql::run(options).await,
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
