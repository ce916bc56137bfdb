//! Which dead letters are meant.

use std::pin::pin;

use anyhow::ensure;
use bus::{DeadLetter, Desk};
use clap::Args;
use futures_util::TryStreamExt;

use super::get;

/// Some of the dead letters, or all.
#[derive(Args)]
pub(crate) struct Filter {
    /// Those of this group
    #[arg(long)]
    pub(crate) group: Option<String>,
    /// Those whose reason contains this text
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Dead letters by name.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Named {
    /// Those with these sequences
    #[arg(value_name = "SEQUENCE")]
    sequences: Vec<u64>,
    /// Those of the event with this id
    #[arg(long)]
    id: Option<String>,
}

/// Dead letters by one kind of description.
#[derive(Args)]
#[group(required = true, multiple = true)]
pub(crate) struct Selector {
    /// Those with these sequences
    #[arg(value_name = "SEQUENCE", conflicts_with_all = ["id", "group", "reason", "all"])]
    sequences: Vec<u64>,
    /// Those of the event with this id
    #[arg(long, conflicts_with_all = ["group", "reason", "all"])]
    id: Option<String>,
    /// Those of this group
    #[arg(long, conflicts_with = "all")]
    group: Option<String>,
    /// Those whose reason contains this text; with --group, those of both
    #[arg(long, value_name = "TEXT", conflicts_with = "all")]
    reason: Option<String>,
    /// All
    #[arg(long)]
    all: bool,
}

impl Filter {
    /// Whether a letter is among them. The group counts when letters are read.
    pub(crate) fn takes(&self, letter: &DeadLetter) -> bool {
        let text = self.reason.as_deref().unwrap_or_default();
        letter.reason.contains(text)
    }
}

impl Named {
    /// The letters. Fails if there is none.
    pub(crate) async fn find(&self, desk: &Desk) -> anyhow::Result<Vec<DeadLetter>> {
        let mut sequences = self.sequences.clone();
        if let Some(id) = &self.id {
            sequences = matching(desk, None, |letter| has_id(letter, id)).await?;
        }
        let mut letters = Vec::new();
        for sequence in sequences {
            letters.push(get(desk, sequence).await?);
        }
        Ok(letters)
    }
}

impl Selector {
    /// The sequences of the letters. Fails if there is none.
    pub(crate) async fn find(self, desk: &Desk) -> anyhow::Result<Vec<u64>> {
        if !self.sequences.is_empty() {
            return Ok(self.sequences);
        }
        if let Some(id) = self.id {
            return matching(desk, None, |letter| has_id(letter, &id)).await;
        }
        let filter = Filter {
            group: self.group,
            reason: self.reason,
        };
        matching(desk, filter.group.as_deref(), |letter| filter.takes(letter)).await
    }
}

/// The sequences of those letters that pass; all of them are read, one by one.
async fn matching(
    desk: &Desk,
    group: Option<&str>,
    passes: impl Fn(&DeadLetter) -> bool,
) -> anyhow::Result<Vec<u64>> {
    let mut sequences = Vec::new();
    let mut letters = pin!(desk.list(group));
    while let Some(letter) = letters.try_next().await? {
        if passes(&letter) {
            sequences.push(letter.sequence);
        }
    }
    ensure!(!sequences.is_empty(), "no dead letter matches");
    Ok(sequences)
}

fn has_id(letter: &DeadLetter, id: &str) -> bool {
    let event = letter.event.as_ref();
    event.is_ok_and(|event| event.id.as_str() == id)
}
