//! Runs statements through PostgreSQL's own client, so that no database driver is needed here.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use url::Url;

use crate::install;

/// A server, and the user that we log in as.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) psql: PathBuf,
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Server {
    /// Returns the server of a database URL.
    pub(crate) fn at(url: &str) -> Result<Self> {
        let url = Url::parse(url).context("not the address of a database")?;
        Ok(Self {
            psql: install::postgres()?.program("psql"),
            user: url.username().to_owned(),
            password: url.password().unwrap_or_default().to_owned(),
            host: url
                .host_str()
                .context("the database's address has no host")?
                .to_owned(),
            port: url.port().unwrap_or(5432),
        })
    }

    /// Returns the URL of one of its databases.
    pub(crate) fn url(&self, database: &str) -> String {
        self.url_for(database, &self.user, &self.password)
    }

    /// Returns the URL of one of its databases, for another user.
    pub(crate) fn url_for(&self, database: &str, user: &str, password: &str) -> String {
        let Self { host, port, .. } = self;
        format!("postgres://{user}:{password}@{host}:{port}/{database}")
    }

    /// Runs statements and returns the rows of the last one as text.
    pub(crate) async fn execute(&self, database: &str, sql: &str) -> Result<String> {
        let mut command = tokio::process::Command::from(self.command(database));
        let output = command
            .args(["--command", sql])
            .kill_on_drop(true)
            .output()
            .await;
        outcome(&output.context("cannot start psql")?, sql)
    }

    /// Runs a file of statements in one transaction.
    pub(crate) async fn execute_file(&self, database: &str, file: &Path) -> Result<()> {
        let mut command = tokio::process::Command::from(self.command(database));
        command
            .arg("--single-transaction")
            .arg("--file")
            .arg(file)
            .kill_on_drop(true);
        let output = command.output().await.context("cannot start psql")?;
        outcome(&output, &file.display().to_string()).map(drop)
    }

    /// Starts psql with statements and does not wait for it, for destructors.
    pub(crate) fn begin(&self, database: &str, sql: &str) -> Result<()> {
        let mut command = self.command(database);
        command.args(["--command", sql]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().context("cannot start psql").map(drop)
    }

    fn command(&self, database: &str) -> std::process::Command {
        let mut command = std::process::Command::new(&self.psql);
        command.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"]);
        command.args(["--set", "ON_ERROR_STOP=1", "--no-password"]);
        command.args(["--host", &self.host, "--port", &self.port.to_string()]);
        command.args(["--username", &self.user, "--dbname", database]);
        command
            .env("PGPASSWORD", &self.password)
            .env("PGCONNECT_TIMEOUT", "10");
        command.stdin(Stdio::null());
        command
    }
}

fn outcome(output: &std::process::Output, what: &str) -> Result<String> {
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`{what}` failed: {}", told.trim());
    Ok(String::from_utf8_lossy(&output.stdout)
        .trim_end()
        .to_owned())
}
