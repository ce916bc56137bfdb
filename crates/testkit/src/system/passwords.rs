//! The passwords of one system, made at its first start and kept with its data.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use tempfile::NamedTempFile;

use super::options::SERVICES;
use super::{OPERATOR, SETUP};
use crate::random_password;

/// Passwords by user: the broker's operator, the database's owner, and each service.
pub(super) struct Passwords {
    of: BTreeMap<String, String>,
    /// Set when the password of the database's owner has just been made.
    are_new: bool,
}

/// The owner of the database.
pub(super) const OWNER: &str = "postgres";

impl Passwords {
    /// Reads the passwords in `file`, and makes and writes those that are missing.
    pub(super) fn keep(file: &Path) -> Result<Self> {
        let mut kept: BTreeMap<String, String> = match fs::read(file) {
            Ok(text) => serde_json::from_slice(&text)
                .with_context(|| format!("cannot understand `{}`", file.display()))?,
            Err(_) => BTreeMap::new(),
        };
        let before = kept.len();
        let are_new = !kept.contains_key(OWNER);
        let services = SERVICES.map(|(service, _)| service);
        for name in [OPERATOR, OWNER, SETUP].into_iter().chain(services) {
            kept.entry(name.to_owned()).or_insert_with(random_password);
        }
        if kept.len() > before {
            write_privately(file, &serde_json::to_vec_pretty(&kept)?)?;
        }
        Ok(Self { of: kept, are_new })
    }

    /// Returns whether the password of the database's owner has just been made, so that no existing
    /// database has it.
    pub(super) fn are_new(&self) -> bool {
        self.are_new
    }

    /// Returns the password of a user.
    pub(super) fn of(&self, name: &str) -> Result<&str> {
        let password = self.of.get(name).map(String::as_str);
        password.with_context(|| format!("`passwords.json` has none for {name}"))
    }

    /// Returns the environment variables that the broker's configuration and `setup` read the passwords
    /// from.
    pub(super) fn variables(&self) -> impl Iterator<Item = (String, String)> {
        self.of.iter().map(|(name, password)| {
            let variable = format!("{}_PASSWORD", name.replace('-', "_").to_uppercase());
            (variable, password.clone())
        })
    }
}

/// Writes a file that only its owner may read, atomically.
pub fn write_privately(file: &Path, content: &[u8]) -> Result<()> {
    let directory = file.parent().context("a file needs a directory")?;
    // A temporary file has these permissions from the start.
    let mut new = NamedTempFile::new_in(directory)?;
    new.write_all(content)?;
    new.write_all(b"\n")?;
    new.persist(file)
        .with_context(|| format!("cannot write `{}`", file.display()))?;
    Ok(())
}
