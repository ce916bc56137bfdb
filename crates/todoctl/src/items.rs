//! `todoctl list` and `todoctl get`: queries to todo-api over the broker.

use std::time::Duration;

use anyhow::Context;
use bus::{AskError, Bus};
use events::ItemSaved;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::text::{printable, say};

/// Timeout of a request.
const WITHIN: Duration = Duration::from_secs(5);

/// Number of items per request.
const PAGE: u32 = 500;

/// The arguments of `list`.
#[derive(clap::Args)]
pub(crate) struct List {
    /// The list; `default` if it is not given
    #[arg(long)]
    list: Option<String>,
    /// Print all fields, as one JSON object per line
    #[arg(long)]
    json: bool,
}

/// The arguments of `get`.
#[derive(clap::Args)]
pub(crate) struct Get {
    /// The item's id
    id: String,
    /// Print it as a JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Deserialize)]
struct Page {
    items: Vec<Value>,
    next: Option<String>,
}

/// The fields of an item that are shown as text.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    id: String,
    list: String,
    #[serde(rename = "item")]
    text: String,
    completed: bool,
    added_at: String,
    version: i64,
}

/// Prints a line for each item, page by page.
pub(crate) async fn list(bus: &Bus, list: &List, stop: CancellationToken) -> anyhow::Result<()> {
    let mut question = json!({ "limit": PAGE });
    if let Some(name) = &list.list {
        question["list"] = name.as_str().into();
    }
    let mut nothing_yet = true;
    while !stop.is_cancelled() {
        let page: Page = ask(bus, "queries.todo.list", &question).await?;
        let lines = page.items.into_iter().map(|item| {
            if list.json {
                return Ok(item.to_string());
            }
            read(item).map(|item| line(&item))
        });
        let lines: Vec<_> = lines.collect::<anyhow::Result<_>>()?;
        nothing_yet &= lines.is_empty();
        match (say(lines), page.next) {
            (true, Some(next)) => question["after"] = next.into(),
            _ => break,
        }
    }
    if nothing_yet && !list.json {
        let name = list.list.as_deref().unwrap_or("default");
        eprintln!("the list {} has no items", printable(name));
    }
    Ok(())
}

/// Prints an item.
pub(crate) async fn get(bus: &Bus, get: &Get) -> anyhow::Result<()> {
    let item: Value = ask(bus, "queries.todo.get", &json!({ "id": get.id })).await?;
    if get.json {
        say([item.to_string()]);
        return Ok(());
    }
    show(item)
}

/// Prints an item in the state that its saver replied.
pub(crate) fn show_saved(saved: &ItemSaved) -> anyhow::Result<()> {
    show(serde_json::to_value(saved)?)
}

fn show(item: Value) -> anyhow::Result<()> {
    let item: Item = read(item)?;
    let field = |name: &str, value: &str| format!("{name:<9} {}", printable(value));
    say([
        field("id", &item.id),
        field("list", &item.list),
        field("item", &item.text),
        field("done", if item.completed { "yes" } else { "no" }),
        field("added", &item.added_at),
        field("version", &item.version.to_string()),
    ]);
    Ok(())
}

fn line(item: &Item) -> String {
    let mark = if item.completed { 'x' } else { ' ' };
    format!(
        "[{mark}] {}  {}",
        printable(&item.id),
        printable(&item.text)
    )
}

async fn ask<T: for<'de> Deserialize<'de>>(
    bus: &Bus,
    subject: &str,
    question: &Value,
) -> anyhow::Result<T> {
    let answer = match bus.ask(subject, question.to_string(), WITHIN).await {
        // The text says what to change; a person needs no more.
        Err(AskError::Refused(refusal)) => anyhow::bail!(refusal.text),
        Err(error @ AskError::Nobody { .. }) => {
            return Err(error).context("is todo-api running?");
        }
        answer => answer?,
    };
    serde_json::from_slice(&answer).with_context(|| format!("cannot read the answer on {subject}"))
}

fn read(item: Value) -> anyhow::Result<Item> {
    serde_json::from_value(item).context("cannot read an item")
}
