//! todoctl: the operator's command line.

mod dead;
mod items;
mod listen;
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
    /// Prints what is published on a subject from now on, until Ctrl-C
    Sub {
        /// Which subject; `*` stands for one word and `>` for the rest
        #[arg(default_value = events::ALL_SUBJECTS)]
        subject: String,
    },
    /// Publishes a body as it is, as any client of the broker would
    Pub {
        /// On which subject
        subject: String,
        /// What to publish, such as {"item":"buy milk"}
        body: String,
    },
    /// Lists a list's items, the newest last
    List(items::List),
    /// Shows an item
    Get(items::Get),
    /// Shows every member of every service and what it has done, and who does not answer
    Status(status::Status),
    /// Shows what groups gave up on, and has them handle it after all
    #[command(subcommand)]
    Dead(dead::Dead),
}

fn main() -> ExitCode {
    service::tool(run)
}

async fn run(todoctl: Todoctl, stop: CancellationToken) -> anyhow::Result<()> {
    let member = format!("todoctl-{}", std::process::id());
    let bus = Bus::visit(todoctl.broker.nats_url.as_str(), "todoctl", &member)
        .await
        .context("cannot use the broker (NATS_URL)")?;
    match todoctl.task {
        Task::Sub { subject } => listen::run(&bus, &subject, stop).await?,
        Task::Pub { subject, body } => {
            bus.notify(&subject, body).await.context("cannot publish")?;
        }
        Task::List(list) => items::list(&bus, &list, stop).await?,
        Task::Get(get) => items::get(&bus, &get).await?,
        Task::Status(status) => status::run(&bus, &status, stop).await?,
        Task::Dead(task) => dead::run(&bus, task, stop).await?,
    }
    bus.close().await;
    Ok(())
}
