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
use crate::process::{Output, Process, Signal, apart};
use crate::{ports, random_password};
use place::Place;
pub(crate) use psql::Server;
use start::{is_passing, ready, stop_predecessor, tools};

/// A fast shutdown writes a checkpoint.
const STOP: Duration = Duration::from_secs(30);

/// The owner of the cluster.
const USER: &str = "todo";

/// How a cluster starts. The default is one for a test: temporary and without care for the disk.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// Where the cluster is kept; a temporary directory when it is not given.
    pub dir: Option<PathBuf>,
    /// The password of user `todo`; a random one when it is not given.
    pub password: Option<String>,
    /// Whether the password is a new one, so that nobody can use a cluster that is there already: if `dir`
    /// was removed and the cluster had to be elsewhere, what is left of it is removed.
    pub afresh: bool,
    /// The port; a free one when it is not given.
    pub port: Option<u16>,
    /// Whether a commit is on the disk when it returns. Not for tests: it is what makes them slow.
    pub durable: bool,
    /// How many connections there may be.
    pub max_connections: u32,
    /// Whether a Ctrl-C on the terminal shall not reach it, because we stop it in order.
    pub apart: bool,
    /// More settings, which win over what is set here.
    pub config: Vec<(String, String)>,
    /// Files beside the data, by name, which only the server can read; `pg_hba.conf` says who may log in.
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

/// A running cluster. Dropping it ends it at once.
pub struct Postgres {
    process: Option<Process>,
    tools: PostgresTools,
    options: PostgresOptions,
    place: Place,
    server: Server,
}

impl Postgres {
    /// Makes the cluster unless it is there, starts it and waits until it accepts connections.
    pub async fn start(options: PostgresOptions) -> Result<Self> {
        let place = Place::find(options.dir.as_deref(), options.afresh)?;
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

    /// The address of a database, for the cluster's owner.
    pub fn url(&self, database: &str) -> String {
        self.server.url(database)
    }

    /// The address of a database, for another user.
    pub fn url_for(&self, database: &str, user: &str, password: &str) -> String {
        self.server.url_for(database, user, password)
    }

    /// The port; it stays the same over restarts.
    pub fn port(&self) -> u16 {
        self.server.port
    }

    /// Where the cluster really is: elsewhere than asked, if the user that PostgreSQL must run as when
    /// we are root cannot get there.
    pub fn dir(&self) -> &Path {
        self.place.dir()
    }

    /// The process id while the cluster runs.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref()?.pid()
    }

    /// What the cluster has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// Makes a database.
    pub async fn create_database(&self, name: &str) -> Result<()> {
        self.execute("postgres", &format!("create database \"{name}\""))
            .await
            .map(drop)
    }

    /// Makes a database unless it is there.
    pub async fn ensure_database(&self, name: &str) -> Result<()> {
        let query = format!("select count(*) from pg_database where datname = '{name}'");
        if self.execute("postgres", &query).await? == "0" {
            self.create_database(name).await?;
        }
        Ok(())
    }

    /// Drops a database, whoever is connected to it.
    pub async fn drop_database(&self, name: &str) -> Result<()> {
        let statement = format!("drop database \"{name}\" with (force)");
        self.execute("postgres", &statement).await.map(drop)
    }

    /// Runs statements and returns the rows of the last one as text: a line each, columns divided by `|`.
    pub async fn execute(&self, database: &str, sql: &str) -> Result<String> {
        self.server.execute(database, sql).await
    }

    /// Runs a file of statements in one transaction.
    pub async fn execute_file(&self, database: &str, file: &Path) -> Result<()> {
        self.server.execute_file(database, file).await
    }

    /// Stops the cluster in good order, ending the connections.
    pub async fn stop(&mut self) -> Result<()> {
        self.resume_if_running();
        if let Some(mut process) = self.process.take() {
            process.stop(Signal::SIGINT, STOP).await?;
        }
        Ok(())
    }

    /// Ends the cluster as a crash would: no checkpoint, the next start has to recover.
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

    /// Freezes the server and all its connections: they stay open and nothing is answered.
    pub fn pause(&self) -> Result<()> {
        self.signal_all(Signal::SIGSTOP)
    }

    /// Lets a frozen cluster go on.
    pub fn resume(&self) -> Result<()> {
        self.signal_all(Signal::SIGCONT)
    }

    /// Waits until the cluster ends by itself, and says how, once; for whoever has to restart it.
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

    /// Signals the server, then its children. Each of these leads a session of its own, so that a signal
    /// to the process group would not reach them.
    fn signal_all(&self, signal: Signal) -> Result<()> {
        let process = self.process.as_ref().context("the cluster is stopped")?;
        process.signal(signal)?;
        for child in place::children(process.pid().context("the cluster has ended")?) {
            // A connection may end in between.
            let _ = nix::sys::signal::kill(child, signal);
        }
        Ok(())
    }

    /// Starts the process; tries again when somebody else was quicker to take the port, or when the
    /// children of a crashed server are not gone yet.
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
            // Only the machine may not crash: a commit still outlives the server itself.
            set("fsync", "off");
            set("full_page_writes", "off");
        }
        for (name, value) in &self.options.config {
            set(name, value);
        }
        if self.options.apart {
            apart(&mut command);
        }
        command
    }

    fn log_file(&self) -> PathBuf {
        self.place.dir().join("postgres.log")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Frozen children would not hear that it is over.
        self.resume_if_running();
    }
}
