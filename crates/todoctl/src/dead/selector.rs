//! The arguments that select dead letters.

use std::pin::pin;

use anyhow::ensure;
use bus::{DeadLetter, DeadLetters};
use clap::Args;
use futures_util::TryStreamExt;

use super::get;

/// A filter of dead letters; without arguments, all of them.
#[derive(Args)]
pub(crate) struct Filter {
    /// Those of this group
    #[arg(long)]
    pub(crate) group: Option<String>,
    /// Those whose reason contains this text
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Dead letters by sequence or event id.
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

/// Dead letters by sequence, by event id, by group and reason, or all.
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
    /// Returns whether a dead letter has the reason. The group is not compared: letters are listed by group.
    pub(crate) fn takes(&self, letter: &DeadLetter) -> bool {
        let text = self.reason.as_deref().unwrap_or_default();
        letter.reason.contains(text)
    }
}

impl Named {
    /// Returns the dead letters. Fails if there is none.
    pub(crate) async fn find(&self, desk: &DeadLetters) -> anyhow::Result<Vec<DeadLetter>> {
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
    /// Returns the sequences of the dead letters. Fails if none matches.
    pub(crate) async fn find(self, desk: &DeadLetters) -> anyhow::Result<Vec<u64>> {
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

/// Returns the sequences of those dead letters that pass; all are read, one by one. Fails if none passes.
async fn matching(
    desk: &DeadLetters,
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
