//! todoctl: the operator's command line.

mod add;
mod broker;
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

use std::{env, process::ExitCode};

use anyhow::Context;
use broker::Broker;
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
    /// Prints the messages that are published on a subject from now on, or those that are stored, until
    /// Ctrl-C
    Sub(listen::Sub),
    /// Publishes a body as it is, as any client of the broker would, once or again and again
    Pub(publish::Pub),
    /// Adds an item
    Add(add::Add),
    /// Lists a list's items, the newest last
    List(items::List),
    /// Shows an item
    Get(items::Get),
    /// Shows every member of every service with its work so far, and the members that do not respond
    Status(status::Status),
    /// Shows dead letters, the events that groups gave up on, and replays or discards them
    #[command(subcommand)]
    Dead(dead::Dead),
    /// Deletes a group's position: of one that is gone for good, so that it holds nothing up, or of one that
    /// shall begin with the first stored event; asks first on a terminal
    Forget(forget::Forget),
}

fn main() -> ExitCode {
    service::tool(run)
}

async fn run(todoctl: Todoctl, stop: CancellationToken) -> anyhow::Result<ExitCode> {
    let member = format!("todoctl-{}", std::process::id());
    let folder = env::current_dir().unwrap_or_default();
    let broker = Broker::find(todoctl.broker.nats_url.clone(), &folder)?;
    let address = todoctl.broker.with_files(broker.url.clone());
    let bus = Bus::connect_observer(address.as_str(), "todoctl", &member)
        .await
        .with_context(|| format!("cannot use the broker at {broker}"))?;
    // These commands wait for the broker themselves.
    if !matches!(todoctl.task, Task::Sub(_) | Task::Pub(_) | Task::Add(_)) {
        reach::in_time(&bus, &broker).await?;
    }
    let mut code = ExitCode::SUCCESS;
    match todoctl.task {
        Task::Sub(sub) => listen::run(&bus, &broker, &sub, stop).await?,
        Task::Pub(what) => publish::run(&bus, &broker, &what, stop).await?,
        Task::Add(add) => code = add::run(&bus, &broker, add, stop).await?,
        Task::List(list) => items::list(&bus, &list, stop).await?,
        Task::Get(get) => items::get(&bus, &get).await?,
        Task::Status(status) => status::run(&bus, &status, stop).await?,
        Task::Dead(task) => dead::run(&bus, task, stop).await?,
        Task::Forget(group) => forget::run(&bus, group, stop).await?,
    }
    bus.close().await;
    Ok(code)
}
