//! Checks from outside: of the stream, the audit's log, the API's list, and the database.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use testkit::{http, try_eventually};

use super::docker::{AUDIT, Docker};

/// Time within which an effect must be visible after something was published or started.
pub(super) const SOON: Duration = Duration::from_secs(20);

/// Waits until the audit's log has `AUDIT @ <time>: <item>`.
pub(super) async fn is_audited(docker: &Docker, item: &str) -> Result<()> {
    let what = format!("the audit logs `{item}`");
    try_eventually(&what, SOON, async || {
        let log = docker
            .compose_quietly(&format!("{AUDIT} logs --no-log-prefix audit-handler"))
            .await?;
        let found = log.lines().any(|line| {
            let entry = line.split_once("AUDIT @ ").map(|(_, entry)| entry);
            let entry = entry.and_then(|entry| entry.split_once(": "));
            entry.is_some_and(|(time, rest)| is_time(time) && rest.starts_with(item))
        });
        ensure!(found, "no such line");
        Ok(())
    })
    .await
}

/// Waits until the audit has every event of the stream.
pub(super) async fn audit_is_complete(docker: &Docker) -> Result<()> {
    try_eventually("the audit has every event", SOON, async || {
        let stored = stream(docker).await?;
        let stored = [
            &stored["messages"],
            &stored["first_seq"],
            &stored["last_seq"],
        ];
        let query = "select count(*), min(sequence), max(sequence) from audit.events";
        let audited = docker.psql(query).await?;
        let stored = stored.map(Value::to_string).join("|");
        ensure!(audited == stored, "audited {audited}, stored {stored}");
        Ok(())
    })
    .await
}

/// Returns the number of the services' connections to the database.
pub(super) async fn connections(docker: &Docker) -> Result<usize> {
    let query = "select count(*) from pg_stat_activity \
                 where datname = 'todo' and pid <> pg_backend_pid()";
    Ok(docker.psql(query).await?.parse()?)
}

/// Returns the state of the stream of events, from the broker's monitoring endpoint.
pub(super) async fn stream(docker: &Docker) -> Result<Value> {
    let report = http::get(&docker.monitor("/jsz?streams=true"))
        .await?
        .json()?;
    let accounts = report["account_details"].as_array().into_iter().flatten();
    let mut streams = accounts
        .filter_map(|account| account["stream_detail"].as_array())
        .flatten();
    let stream = streams.find(|stream| stream["name"] == "TODO");
    Ok(stream.context("the broker has no stream TODO")?["state"].clone())
}

/// Returns whether the text has the form of `2026-11-20T14:04:29.8Z`.
pub(super) fn is_time(text: &str) -> bool {
    let shape: String = text
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    shape.starts_with("0000-00-00T00:00:00") && shape.ends_with('Z')
}

/// Fails unless the API lists an item; reads page by page.
pub(super) async fn is_listed(docker: &Docker, id: &str, text: &str) -> Result<()> {
    let mut after = String::new();
    loop {
        let answer = http::get(&docker.api(&format!("/todo{after}"))).await?;
        ensure!(answer.status == 200, "GET /todo: status {}", answer.status);
        let page = answer.json()?;
        let mut items = page["items"].as_array().into_iter().flatten();
        if items.any(|item| item["id"] == id && item["item"] == text) {
            return Ok(());
        }
        let next = page["next"].as_str();
        let next = next.with_context(|| format!("GET /todo does not list {id}"))?;
        after = format!("?after={next}");
    }
}
