//! todoctl: the operator's command line.

mod add;
mod confirm;
mod dead;
mod duration;
mod forget;
mod items;
mod listen;
mod publish;
mod reach;
mod status;
mod text;

use std::process::ExitCode;

use anyhow::Context;
use bus::Bus;
use clap::{Parser, Subcommand};
use service::settings;
use tokio_util::sync::CancellationToken;

/// Talks to the broker.
#[derive(Parser)]
#[command(version)]
struct Todoctl {
    #[command(flatten)]
    broker: settings::Operator,
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Prints what is published on a subject from now on, or what is stored, until Ctrl-C
    Sub(listen::Sub),
    /// Publishes a body as it is, as any client of the broker would, once or again and again
    Pub(publish::Pub),
    /// Adds an item
    Add(add::Add),
    /// Lists a list's items, the newest last
    List(items::List),
    /// Shows an item
    Get(items::Get),
    /// Shows every member of every service and what it has done, and who does not answer
    Status(status::Status),
    /// Shows what groups gave up on, and has them handle it after all
    #[command(subcommand)]
    Dead(dead::Dead),
    /// Forgets how far a group is: one that is gone for good, so that it holds nothing up, or one that shall
    /// begin with the first stored event; asks first on a terminal
    Forget(forget::Forget),
}

fn main() -> ExitCode {
    service::tool(run)
}

async fn run(todoctl: Todoctl, stop: CancellationToken) -> anyhow::Result<ExitCode> {
    let member = format!("todoctl-{}", std::process::id());
    let bus = Bus::visit(todoctl.broker.address().as_str(), "todoctl", &member)
        .await
        .context("cannot use the broker (NATS_URL)")?;
    let mut code = ExitCode::SUCCESS;
    match todoctl.task {
        Task::Sub(sub) => listen::run(&bus, &sub, stop).await?,
        Task::Pub(what) => publish::run(&bus, &what, stop).await?,
        Task::Add(add) => code = add::run(&bus, add, stop).await?,
        Task::List(list) => items::list(&bus, &list, stop).await?,
        Task::Get(get) => items::get(&bus, &get).await?,
        Task::Status(status) => status::run(&bus, &status, stop).await?,
        Task::Dead(task) => dead::run(&bus, task, stop).await?,
        Task::Forget(group) => forget::run(&bus, group, stop).await?,
    }
    bus.close().await;
    Ok(code)
}
