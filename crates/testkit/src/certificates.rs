//! A certificate authority of one test's own, and the certificates that it issues.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::install::ensure_packages;

/// A certificate authority that is trusted only where it is configured. Its files are removed with it.
pub struct Authority {
    dir: TempDir,
}

/// A certificate and its key, both in PEM form.
pub struct Certificate {
    /// The certificate's file.
    pub certificate: PathBuf,
    /// The key's file.
    pub key: PathBuf,
}

impl Authority {
    /// Makes an authority.
    pub fn new() -> Result<Self> {
        ensure_packages(&["openssl"])?;
        let authority = Self {
            dir: tempfile::Builder::new()
                .prefix("todo-authority-")
                .tempdir()?,
        };
        authority.openssl(&[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            "/CN=an authority",
            "-days",
            "2",
            "-keyout",
            "ca.key",
            "-out",
            "ca.pem",
        ])?;
        Ok(authority)
    }

    /// Returns the file of the authority's own certificate, by which clients verify the others.
    pub fn file(&self) -> PathBuf {
        self.path("ca.pem")
    }

    /// Issues a certificate to the subject `name`, for `addresses` such as `DNS:localhost` and
    /// `IP:127.0.0.1`, separated by commas.
    pub fn certify(&self, name: &str, addresses: &str) -> Result<Certificate> {
        let (key, request, certificate) = (
            format!("{name}.key"),
            format!("{name}.request"),
            format!("{name}.pem"),
        );
        self.openssl(&[
            "req",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            &format!("/CN={name}"),
            "-keyout",
            &key,
            "-out",
            &request,
        ])?;
        fs::write(
            self.path("extensions"),
            format!("basicConstraints=critical,CA:FALSE\nsubjectAltName={addresses}\n"),
        )?;
        self.openssl(&[
            "x509",
            "-req",
            "-in",
            &request,
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-days",
            "2",
            "-extfile",
            "extensions",
            "-out",
            &certificate,
        ])?;
        Ok(Certificate {
            certificate: self.path(&certificate),
            key: self.path(&key),
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn openssl(&self, arguments: &[&str]) -> Result<()> {
        let mut command = Command::new("openssl");
        command.args(arguments).stdin(Stdio::null());
        let output = command
            .current_dir(self.dir.path())
            .output()
            .context("cannot start openssl")?;
        let told = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "openssl failed: {told}");
        Ok(())
    }
}

/// Reads a certificate's or a key's file.
pub fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))
}
