//! `todoctl dead`: operations on dead letters.

mod change;
mod json;
mod selector;
mod table;

use std::pin::pin;

use anyhow::{Context, bail};
use bus::{Bus, DeadLetter, DeadLetters};
use clap::Subcommand;
use futures_util::TryStreamExt;
use tokio_util::sync::CancellationToken;

use crate::{confirm::confirm, text::say};
use selector::{Filter, Named, Selector};

/// The operations on dead letters.
#[derive(Subcommand)]
pub(crate) enum Dead {
    /// Lists dead letters, a line each, the oldest first
    List {
        #[command(flatten)]
        filter: Filter,
        /// Print all fields, as one JSON object per line
        #[arg(long)]
        json: bool,
    },
    /// Shows all fields of a dead letter
    Show {
        #[command(flatten)]
        named: Named,
        /// Print it as a JSON object
        #[arg(long)]
        json: bool,
    },
    /// Sends dead letters again to the groups that gave up on them, and to no other group
    Replay {
        #[command(flatten)]
        selector: Selector,
    },
    /// Discards dead letters; asks first on a terminal
    Discard {
        #[command(flatten)]
        selector: Selector,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// Runs the operation. Fails if no dead letter matches, or if it fails for one of them.
pub(crate) async fn run(bus: &Bus, task: Dead, stop: CancellationToken) -> anyhow::Result<()> {
    let desk = bus.dead_letters().await?;
    match task {
        Dead::List { filter, json } => {
            let style = if json { json::line } else { table::line };
            let mut heading = (!json).then(table::heading);
            let mut letters = pin!(desk.list(filter.group.as_deref()));
            while let Some(letter) = letters.try_next().await? {
                if filter.takes(&letter) && !say(heading.take().into_iter().chain([style(&letter)]))
                {
                    break;
                }
            }
            // On the standard error, so that a program that counts lines counts none.
            if heading.is_some() {
                eprintln!("no dead letters");
            }
        }
        Dead::Show { named, json } => {
            let style = if json { json::line } else { table::page };
            for letter in named.find(&desk).await? {
                say([style(&letter)]);
            }
        }
        Dead::Replay { selector } => {
            let chosen = selector.find(&desk).await?;
            change::each(&desk, chosen, "replayed", DeadLetters::replay).await?;
        }
        Dead::Discard { selector, yes } => {
            let chosen = selector.find(&desk).await?;
            let what = format!("discard {}", change::count(chosen.len()));
            if !yes && !confirm(&what, stop).await? {
                bail!("nothing was discarded");
            }
            change::each(&desk, chosen, "discarded", DeadLetters::discard).await?;
        }
    }
    Ok(())
}

/// Returns the dead letter at `sequence`. Fails if there is none.
async fn get(desk: &DeadLetters, sequence: u64) -> anyhow::Result<DeadLetter> {
    let letter = desk.get(sequence).await?;
    letter.with_context(|| format!("there is no dead letter {sequence}"))
}
