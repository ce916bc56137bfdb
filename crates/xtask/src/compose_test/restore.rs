//! A backup, and a lost database that is restored, by the very commands of the manual.

use std::fs;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use testkit::{http, try_eventually};

use super::docker::{Docker, EVERYTHING};
use super::look::{SOON, audit_is_complete};
use super::page;
use crate::cargo::root;

/// Takes a backup, loses the database, and restores it.
pub(super) async fn lost_database(docker: &Docker) -> Result<()> {
    let blocks = commands()?;
    let [backup, restore] = &blocks[..] else {
        anyhow::bail!("the manual has {} blocks about backups", blocks.len())
    };
    let place = TempDir::new()?;
    docker.compose(&format!("{EVERYTHING} up -d")).await?;
    is_ready(docker).await?;
    page::add(docker, "in the dump").await?;
    page::shows(docker, "in the dump").await?;
    docker.script(backup, place.path()).await?;
    // The broker was stopped for its part of the backup.
    is_ready(docker).await?;
    page::add(docker, "after the dump").await?;
    page::shows(docker, "after the dump").await?;
    docker.script(restore, place.path()).await?;
    is_ready(docker).await?;
    page::shows(docker, "after the dump").await?;
    page::counts(docker, 2).await?;
    audit_is_complete(docker).await
}

/// Returns the blocks of commands in the manual's section about backups.
fn commands() -> Result<Vec<String>> {
    let manual = fs::read_to_string(root().join("docs/operations.md"))?;
    let part = manual
        .split("\n## ")
        .find(|part| part.starts_with("Backups"));
    let part = part.context("the manual says nothing about backups")?;
    let blocks = part.split("```sh").skip(1);
    let blocks = blocks.filter_map(|block| block.split("```").next());
    Ok(blocks.map(str::to_owned).collect())
}

async fn is_ready(docker: &Docker) -> Result<()> {
    try_eventually("the page is ready", SOON, async || {
        let answer = http::get(&docker.web("/statusz")).await?;
        ensure!(answer.status == 200, "{}", answer.text());
        Ok(())
    })
    .await
}
