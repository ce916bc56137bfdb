//! Files with credentials and certificates, by which the broker and a process authenticate each other.

use std::{fs, path::PathBuf};

use clap::Args;

/// Files with credentials and certificates, by which the broker and a process authenticate each other. They
/// are named as the `nats` command names them.
#[derive(Args, Clone, Debug, Default)]
#[expect(clippy::struct_field_names, reason = "each is named as its setting is")]
pub(crate) struct KeyFiles {
    /// A file with credentials (a JWT and its seed) by which the broker knows this process, in place of a
    /// name and a password.
    #[arg(long, env, value_parser = creds, conflicts_with = "nats_nkey")]
    pub(crate) nats_creds: Option<PathBuf>,
    /// A file with the seed of an NKEY by which the broker knows this process, in place of a name and a
    /// password.
    #[arg(long, env, value_parser = nkey)]
    pub(crate) nats_nkey: Option<PathBuf>,
    /// A file with the certificates of those who may vouch for the broker (PEM). The connection then has TLS,
    /// whatever the address says.
    #[arg(long, env, value_parser = certificate)]
    pub(crate) nats_ca: Option<PathBuf>,
    /// A file with this process's own certificate (PEM), for a broker that asks for one.
    #[arg(long, env, value_parser = certificate, requires = "nats_key")]
    pub(crate) nats_cert: Option<PathBuf>,
    /// A file with the private key of that certificate (PEM).
    #[arg(long, env, value_parser = key, requires = "nats_cert")]
    pub(crate) nats_key: Option<PathBuf>,
}

impl KeyFiles {
    /// Returns whether the process authenticates at the broker by one of them.
    pub(crate) fn tell_who(&self) -> bool {
        self.nats_creds.is_some() || self.nats_nkey.is_some()
    }

    /// Yields those that are given, each with the name of its parameter in an address.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static str, &PathBuf)> {
        let all = [
            ("creds", &self.nats_creds),
            ("nkey", &self.nats_nkey),
            ("ca", &self.nats_ca),
            ("cert", &self.nats_cert),
            ("key", &self.nats_key),
        ];
        all.into_iter()
            .filter_map(|(name, file)| Some((name, file.as_ref()?)))
    }
}

fn creds(path: &str) -> Result<PathBuf, String> {
    let parts = [
        "-----BEGIN NATS USER JWT-----",
        "-----BEGIN USER NKEY SEED-----",
    ];
    holding(
        path,
        &parts,
        "a file with credentials, as `nsc generate creds` writes them",
    )
}

/// Checks a file with a seed: a line of 58 letters and digits.
fn nkey(path: &str) -> Result<PathBuf, String> {
    let expected = "a file with the seed of a user's NKEY, a line that begins with SU";
    let file = holding(path, &["SU"], expected)?;
    let text = fs::read_to_string(path).unwrap_or_default();
    let is_seed = |line: &str| {
        let plain = line.chars().all(|c| c.is_ascii_alphanumeric());
        line.len() == 58 && line.starts_with("SU") && plain
    };
    if text.lines().map(str::trim).any(is_seed) {
        Ok(file)
    } else {
        Err(format!("expected {expected}"))
    }
}

fn certificate(path: &str) -> Result<PathBuf, String> {
    holding(
        path,
        &["-----BEGIN CERTIFICATE-----"],
        "a file with certificates (PEM)",
    )
}

fn key(path: &str) -> Result<PathBuf, String> {
    holding(
        path,
        &["PRIVATE KEY-----"],
        "a file with a private key (PEM)",
    )
}

/// Returns the path, if the file contains these parts. Its contents are not repeated in the error: they may
/// be secret.
fn holding(path: &str, parts: &[&str], expected: &str) -> Result<PathBuf, String> {
    let text =
        fs::read_to_string(path).map_err(|error| format!("expected {expected} ({error})"))?;
    if parts.iter().all(|part| text.contains(part)) {
        Ok(path.into())
    } else {
        Err(format!("expected {expected}"))
    }
}
