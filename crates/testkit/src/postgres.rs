//! A private PostgreSQL cluster on loopback.

pub(crate) mod place;
mod psql;
mod start;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::process::Command;

use crate::install::PostgresTools;
use crate::process::{Output, Process, Signal, detach};
use crate::{ports, random_password};
use place::Cluster;
pub(crate) use psql::Server;
use start::{is_passing, ready, stop_predecessor, tools};

/// Time that a fast shutdown may take; it writes a checkpoint.
const STOP: Duration = Duration::from_secs(30);

/// The user that owns the cluster.
const USER: &str = "todo";

/// Settings of a cluster. The default is one for a test: temporary, without `fsync`.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// The cluster's directory; a temporary one by default.
    pub dir: Option<PathBuf>,
    /// The password of user `todo`; a random one by default.
    pub password: Option<String>,
    /// Set when the password has just been made, so that nobody can log in to an existing cluster: if
    /// `dir` was removed and the cluster had to be in the fallback directory, what is left of it there
    /// is removed.
    pub afresh: bool,
    /// The port; a free one by default.
    pub port: Option<u16>,
    /// Flushes each commit to the disk before it returns (`fsync`). Not for tests: it is what makes them
    /// slow.
    pub durable: bool,
    /// The limit of connections (`max_connections`).
    pub max_connections: u32,
    /// Gives the process a group of its own: a Ctrl-C on the terminal does not reach it, because we stop
    /// it in order.
    pub apart: bool,
    /// Further settings, which override those set here.
    pub config: Vec<(String, String)>,
    /// Files beside the data, by name, which only the server's user can read; `pg_hba.conf` replaces the
    /// rules of who may log in.
    pub files: Vec<(String, String)>,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            dir: None,
            password: None,
            afresh: false,
            port: None,
            durable: false,
            max_connections: 100,
            apart: false,
            config: Vec::new(),
            files: Vec::new(),
        }
    }
}

/// A running cluster. Dropping it stops it at once.
pub struct Postgres {
    process: Option<Process>,
    tools: PostgresTools,
    options: PostgresOptions,
    place: Cluster,
    server: Server,
}

impl Postgres {
    /// Makes the cluster unless it exists, starts it and waits until it accepts connections.
    pub async fn start(options: PostgresOptions) -> Result<Self> {
        let place = Cluster::find(options.dir.as_deref(), options.afresh)?;
        let tools = tools(&place)?;
        let password = options.password.clone().unwrap_or_else(random_password);
        if !place.data().exists() {
            place
                .initialise(&tools, USER, &password, options.durable)
                .await?;
        }
        for (name, content) in &options.files {
            place.write(&Path::new("data").join(name), content)?;
        }
        stop_predecessor(&place.data()).await?;
        let server = Server {
            psql: tools.program("psql"),
            user: USER.to_owned(),
            password,
            host: "127.0.0.1".to_owned(),
            port: options.port.unwrap_or_default(),
        };
        let mut postgres = Self {
            process: None,
            tools,
            options,
            place,
            server,
        };
        postgres.launch().await?;
        Ok(postgres)
    }

    /// Returns the URL of a database, for the cluster's owner.
    pub fn url(&self, database: &str) -> String {
        self.server.url(database)
    }

    /// Returns the URL of a database, for another user.
    pub fn url_for(&self, database: &str, user: &str, password: &str) -> String {
        self.server.url_for(database, user, password)
    }

    /// Returns the port; it stays the same over restarts.
    pub fn port(&self) -> u16 {
        self.server.port
    }

    /// Returns the cluster's actual directory: a fallback in place of the requested one if we are root
    /// and the user that PostgreSQL then has to run as cannot reach that.
    pub fn dir(&self) -> &Path {
        self.place.dir()
    }

    /// Returns the process id while the cluster runs.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref()?.pid()
    }

    /// Returns the server's log; empty if there is none.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// Makes a database.
    pub async fn create_database(&self, name: &str) -> Result<()> {
        self.execute("postgres", &format!("create database \"{name}\""))
            .await
            .map(drop)
    }

    /// Makes a database unless it exists.
    pub async fn ensure_database(&self, name: &str) -> Result<()> {
        let query = format!("select count(*) from pg_database where datname = '{name}'");
        if self.execute("postgres", &query).await? == "0" {
            self.create_database(name).await?;
        }
        Ok(())
    }

    /// Drops a database, closing the connections to it.
    pub async fn drop_database(&self, name: &str) -> Result<()> {
        let statement = format!("drop database \"{name}\" with (force)");
        self.execute("postgres", &statement).await.map(drop)
    }

    /// Runs statements and returns the rows of the last one as text: one line per row, columns separated
    /// by `|`.
    pub async fn execute(&self, database: &str, sql: &str) -> Result<String> {
        self.server.execute(database, sql).await
    }

    /// Runs a file of statements in one transaction.
    pub async fn execute_file(&self, database: &str, file: &Path) -> Result<()> {
        self.server.execute_file(database, file).await
    }

    /// Stops the cluster in good order (a fast shutdown), closing its connections.
    pub async fn stop(&mut self) -> Result<()> {
        self.resume_if_running();
        if let Some(mut process) = self.process.take() {
            process.stop(Signal::SIGINT, STOP).await?;
        }
        Ok(())
    }

    /// Stops the cluster as a crash would: no checkpoint, the next start has to recover.
    pub async fn kill(&mut self) -> Result<()> {
        self.resume_if_running();
        if let Some(mut process) = self.process.take() {
            // A killed postmaster would leave its shared memory and its children behind.
            process.stop(Signal::SIGQUIT, STOP).await?;
        }
        Ok(())
    }

    /// Starts the cluster again on the same port, after stopping it if it runs.
    pub async fn restart(&mut self) -> Result<()> {
        self.stop().await?;
        self.launch().await
    }

    /// Freezes the server and all its backends: connections stay open and nothing is answered.
    pub fn pause(&self) -> Result<()> {
        self.signal_all(Signal::SIGSTOP)
    }

    /// Resumes a frozen cluster.
    pub fn resume(&self) -> Result<()> {
        self.signal_all(Signal::SIGCONT)
    }

    /// Waits until the cluster ends by itself and returns its exit status, once; for a supervisor that
    /// has to restart it. Pending while the cluster is not running. May be cancelled and called again.
    pub async fn wait(&mut self) -> Result<std::process::ExitStatus> {
        let Some(process) = &mut self.process else {
            return std::future::pending().await;
        };
        let status = process.wait().await;
        self.process = None;
        status
    }

    fn resume_if_running(&self) {
        if self.process.is_some() {
            // It may have ended by itself; then there is nothing to resume.
            drop(self.resume());
        }
    }

    /// Signals the server, then its child processes. Each of these leads a session of its own, so that a
    /// signal to the process group would not reach them.
    fn signal_all(&self, signal: Signal) -> Result<()> {
        let process = self.process.as_ref().context("the cluster is stopped")?;
        process.signal(signal)?;
        for child in place::children(process.pid().context("the cluster has ended")?) {
            // A backend may end in between.
            let _ = nix::sys::signal::kill(child, signal);
        }
        Ok(())
    }

    /// Starts the process; retries when another process took the port first, or when the children of a
    /// crashed server are not gone yet.
    async fn launch(&mut self) -> Result<()> {
        let choose = self.server.port == 0;
        for attempt in 1.. {
            if choose {
                self.server.port = ports::free_port()?;
            }
            match self.try_launch().await {
                Ok(()) => break,
                Err(error) if attempt < 20 && is_passing(&error) => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn try_launch(&mut self) -> Result<()> {
        drop(fs::rename(
            self.log_file(),
            self.place.dir().join("postgres.log.old"),
        ));
        let process = Process::spawn("postgres", self.command(), Output::File(self.log_file()))?;
        let mut process = process.with_farewell(Signal::SIGQUIT);
        ready(&mut process, &self.place.data()).await?;
        self.process = Some(process);
        Ok(())
    }

    fn command(&self) -> Command {
        let mut command = self.place.command(&self.tools.program("postgres"));
        command.arg("-D").arg(self.place.data());
        let mut set = |name: &str, value: &str| {
            command.arg("-c").arg(format!("{name}={value}"));
        };
        set("listen_addresses", "127.0.0.1");
        set("port", &self.server.port.to_string());
        set("unix_socket_directories", "");
        set("max_connections", &self.options.max_connections.to_string());
        if !self.options.durable {
            // Enough against a crash of the server itself; only a crash of the machine would lose a
            // commit.
            set("fsync", "off");
            set("full_page_writes", "off");
        }
        for (name, value) in &self.options.config {
            set(name, value);
        }
        if self.options.apart {
            detach(&mut command);
        }
        command
    }

    fn log_file(&self) -> PathBuf {
        self.place.dir().join("postgres.log")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Frozen children would not see the signal to end.
        self.resume_if_running();
    }
}
