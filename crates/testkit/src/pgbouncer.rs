//! A private PgBouncer in front of a private PostgreSQL.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::net::TcpStream;
use url::Url;

use crate::postgres::place::Cluster;
use crate::process::{Output, Process, Signal};
use crate::{install, ports, try_eventually};

/// Time within which PgBouncer must be ready.
const START: Duration = Duration::from_secs(20);

/// Lifetime of a client's exclusive use of a server connection (`pool_mode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolMode {
    /// As long as the client is connected.
    Session,
    /// For one transaction.
    Transaction,
}

/// A running PgBouncer, configured as by Debian but for its pool mode and its users.
pub struct PgBouncer {
    process: Process,
    port: u16,
    _place: Cluster,
}

impl PgBouncer {
    /// Starts PgBouncer in front of the server of `addresses`, one URL for each user. The pool of each
    /// user has at most `connections` connections to the server.
    pub async fn start(mode: PoolMode, addresses: &[&str], connections: usize) -> Result<Self> {
        Self::start_with(mode, addresses, connections, "").await
    }

    /// Starts PgBouncer like [`start`](Self::start), with further lines of configuration.
    pub async fn start_with(
        mode: PoolMode,
        addresses: &[&str],
        connections: usize,
        lines: &str,
    ) -> Result<Self> {
        let program = install::ensure_pgbouncer()?;
        let place = Cluster::find(None, false)?;
        let mut users = String::new();
        let mut server = None;
        for address in addresses {
            let url = Url::parse(address).context("not the address of a database")?;
            let password = url.password().unwrap_or_default();
            writeln!(users, "\"{}\" \"{password}\"", url.username())?;
            server = url.port();
        }
        let server = server.context("an address needs a port")?;
        let mode = match mode {
            PoolMode::Session => "session",
            PoolMode::Transaction => "transaction",
        };
        let port = ports::free_port()?;
        let users_file = place.dir().join("users.txt");
        let config = format!(
            "[databases]\n* = host=127.0.0.1 port={server}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = scram-sha-256\n\
             auth_file = {}\npool_mode = {mode}\ndefault_pool_size = {connections}\n\
             max_client_conn = 500\n{lines}\n",
            users_file.display()
        );
        place.write(Path::new("users.txt"), &users)?;
        place.write(Path::new("pgbouncer.ini"), &config)?;
        let mut command = place.command(&program);
        command.arg(place.dir().join("pgbouncer.ini"));
        let process = Process::spawn("pgbouncer", command, Output::Lines(None))?;
        let mut bouncer = Self {
            process: process.with_farewell(Signal::SIGTERM),
            port,
            _place: place,
        };
        bouncer.ready().await?;
        Ok(bouncer)
    }

    /// Returns `address`, a URL of the server, with PgBouncer's port in place of the server's.
    pub fn url(&self, address: &str) -> Result<String> {
        let mut url = Url::parse(address).context("not the address of a database")?;
        ensure!(
            url.set_port(Some(self.port)).is_ok(),
            "an address needs a host"
        );
        Ok(url.into())
    }

    /// Returns the lines that PgBouncer has written.
    pub fn log(&self) -> Vec<String> {
        self.process.lines()
    }

    async fn ready(&mut self) -> Result<()> {
        let process = &mut self.process;
        let ready = try_eventually("PgBouncer listens", START, async || {
            if let Some(status) = process.exited()? {
                return Ok(Err(status)); // No use in waiting longer.
            }
            TcpStream::connect(("127.0.0.1", self.port)).await?;
            anyhow::Ok(Ok(()))
        })
        .await;
        match ready {
            Ok(Ok(())) => Ok(()),
            Ok(Err(status)) => anyhow::bail!("pgbouncer ended with {status}:{}", process.tail()),
            Err(error) => Err(error.context(format!("pgbouncer wrote:{}", process.tail()))),
        }
    }
}
