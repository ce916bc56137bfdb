//! The passwords of one system, made at its first start and kept with its data.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::random_password;

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Passwords {
    /// The broker's operator, who may do everything.
    pub(super) operator: String,
    /// The services at the broker.
    pub(super) todo: String,
    /// The owner of the database.
    pub(super) postgres: String,
}

impl Passwords {
    /// Those in `file`, which is made when it is not there.
    pub(super) fn keep(file: &Path) -> Result<Self> {
        if let Ok(text) = fs::read(file) {
            let kept = serde_json::from_slice(&text);
            return kept.with_context(|| format!("cannot understand `{}`", file.display()));
        }
        let new = Self {
            operator: random_password(),
            todo: random_password(),
            postgres: random_password(),
        };
        write_privately(file, &serde_json::to_vec_pretty(&new)?)?;
        Ok(new)
    }
}

/// Writes a file that only its owner may read, all of it or nothing.
pub fn write_privately(file: &Path, content: &[u8]) -> Result<()> {
    let directory = file.parent().context("a file needs a directory")?;
    // A temporary file is for its owner alone from the start.
    let mut new = NamedTempFile::new_in(directory)?;
    new.write_all(content)?;
    new.write_all(b"\n")?;
    new.persist(file)
        .with_context(|| format!("cannot write `{}`", file.display()))?;
    Ok(())
}
