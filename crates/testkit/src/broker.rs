//! A private broker: `nats-server` with its own store, on loopback.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::timeout;

use crate::install::{self, NatsServer, Version};
use crate::ports::loopback;
use crate::process::{Output, Process, Signal, detach};
use crate::{orphans, try_eventually};

/// Time within which a broker must be ready; recovering a large store takes a while.
const START: Duration = Duration::from_mins(1);

/// The oldest version with `sync_interval: always`, which writes each message through to the disk.
const WRITES_THROUGH: Version = Version(2, 10);

/// The server's configuration file, in its directory.
const CONFIG: &str = "broker.conf";

/// The configuration file that it includes.
const INCLUDED: &str = "included.conf";

/// Upper limit (`max_file_store`) of what all streams together may reserve, as in the configuration of
/// the compose files. The server's own default is what is free on the disk when it starts, and so less
/// for each message it keeps.
const MAX_STORE: &str = "8GB";

/// Time that a broker may take to close its store before it is killed.
const STOP: Duration = Duration::from_secs(15);

/// Settings of a broker. The default is one for a test: temporary, open, on ports of the kernel's
/// choice.
#[derive(Clone, Debug, Default)]
pub struct BrokerOptions {
    /// The directory of the store and the log; a temporary one by default.
    pub dir: Option<PathBuf>,
    /// The port for clients.
    pub port: Option<u16>,
    /// The port for monitoring.
    pub monitor_port: Option<u16>,
    /// A configuration file that is included; addresses, ports and the store are ours whatever it says.
    pub config: Option<PathBuf>,
    /// Syncs each message to the disk before its publish ack, if this server can be told so.
    pub durable: bool,
    /// Environment variables that the configuration file refers to.
    pub env: Vec<(String, String)>,
    /// The name and password that [`Broker::url`] contains.
    pub credentials: Option<(String, String)>,
    /// Gives the process a group of its own: a Ctrl-C on the terminal does not reach it, because we stop
    /// it in order.
    pub apart: bool,
}

/// A running broker. Dropping it kills it.
pub struct Broker {
    process: Option<Process>,
    server: NatsServer,
    options: BrokerOptions,
    dir: PathBuf,
    port: u16,
    monitor_port: u16,
    _temporary: Option<TempDir>,
}

impl Broker {
    /// Starts a broker and waits until it answers.
    pub async fn start(options: BrokerOptions) -> Result<Self> {
        let server = install::nats_server()?;
        let (dir, temporary) = if let Some(dir) = &options.dir {
            (dir.clone(), None)
        } else {
            let temporary = tempfile::Builder::new().prefix("todo-broker-").tempdir()?;
            (temporary.path().to_owned(), Some(temporary))
        };
        fs::create_dir_all(&dir).with_context(|| format!("cannot make `{}`", dir.display()))?;
        // Two brokers on one store destroy it.
        orphans::stop(&dir.join("nats.pid"), Signal::SIGTERM, STOP).await?;
        let (port, monitor_port) = (
            options.port.unwrap_or_default(),
            options.monitor_port.unwrap_or_default(),
        );
        let mut broker = Self {
            process: None,
            server,
            options,
            dir,
            port,
            monitor_port,
            _temporary: temporary,
        };
        broker.launch().await?;
        Ok(broker)
    }

    /// Returns the URL for clients, with the configured credentials.
    pub fn url(&self) -> String {
        match &self.options.credentials {
            Some((user, password)) => self.url_for(user, password),
            None => format!("nats://127.0.0.1:{}", self.port),
        }
    }

    /// Returns the URL for another user.
    pub fn url_for(&self, user: &str, password: &str) -> String {
        format!("nats://{user}:{password}@127.0.0.1:{}", self.port)
    }

    /// Returns the URL of the monitoring endpoints.
    pub fn monitor_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.monitor_port)
    }

    /// The port for clients; it stays the same over restarts.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The directory of the store and the log.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The process id while the broker runs.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref()?.pid()
    }

    /// The version of the server.
    pub fn version(&self) -> install::Version {
        self.server.version
    }

    /// Returns the broker's log since its last start; empty if there is none.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// Stops the broker in good order.
    pub async fn stop(&mut self) -> Result<()> {
        if let Some(mut process) = self.process.take() {
            process.stop(Signal::SIGTERM, STOP).await?;
        }
        Ok(())
    }

    /// Kills the broker, as a crash would.
    pub async fn kill(&mut self) -> Result<()> {
        if let Some(mut process) = self.process.take() {
            process.kill().await?;
        }
        Ok(())
    }

    /// Starts the broker again on the same ports and store, after stopping it if it runs.
    pub async fn restart(&mut self) -> Result<()> {
        self.stop().await?;
        self.launch().await
    }

    /// Has the broker reload its configuration.
    pub fn reload(&self) -> Result<()> {
        let process = self.process.as_ref().context("the broker does not run")?;
        process.signal(Signal::SIGHUP)
    }

    /// Freezes the broker: connections stay open and nothing is answered.
    pub fn pause(&self) -> Result<()> {
        self.process
            .as_ref()
            .context("the broker is stopped")?
            .pause()
    }

    /// Resumes a frozen broker.
    pub fn resume(&self) -> Result<()> {
        self.process
            .as_ref()
            .context("the broker is stopped")?
            .resume()
    }

    /// Waits until the broker ends by itself and returns its exit status, once; for a supervisor that
    /// has to restart it. Pending while the broker is not running. May be cancelled and called again.
    pub async fn wait(&mut self) -> Result<std::process::ExitStatus> {
        let Some(process) = &mut self.process else {
            return std::future::pending().await;
        };
        let status = process.wait().await;
        self.process = None;
        status
    }

    /// Starts the process; retries while its old ports are not free yet.
    async fn launch(&mut self) -> Result<()> {
        let port_taken = "address already in use";
        let mut attempt = 0;
        loop {
            attempt += 1;
            match self.try_launch().await {
                Ok(()) => return Ok(()),
                Err(error) if attempt < 20 && format!("{error:#}").contains(port_taken) => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn try_launch(&mut self) -> Result<()> {
        // The log of this start only: errors show its end, and it cannot grow for ever.
        match fs::rename(self.log_file(), self.dir.join("nats.log.old")) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let ports = self.dir.join("ports");
        drop(fs::remove_dir_all(&ports));
        fs::create_dir_all(&ports)?;
        self.configure()?;
        let mut process = Process::spawn(
            "nats-server",
            self.command(&ports),
            Output::File(self.log_file()),
        )?;
        if let Some(pid) = process.pid() {
            orphans::note(&self.dir.join("nats.pid"), pid)?;
        }
        (self.port, self.monitor_port) = ready(&mut process, &ports).await?;
        self.process = Some(process);
        Ok(())
    }

    /// Writes the configuration that the server reads at its start and at each reload. (A reload forgets
    /// a store that was named on the command line, and disables JetStream.)
    fn configure(&self) -> Result<()> {
        let included = self.dir.join(INCLUDED);
        drop(fs::remove_file(&included));
        let include = match &self.options.config {
            // The server resolves an include relative to the including file.
            Some(config) => {
                symlink(std::path::absolute(config)?, included)?;
                format!("include ./{INCLUDED}")
            }
            None => String::new(),
        };
        let sync = if self.options.durable && self.server.version >= WRITES_THROUGH {
            "sync_interval: always"
        } else {
            ""
        };
        let store = self.dir.join("store");
        let store = store.to_str().context("the store's path is no text")?;
        let text = format!(
            "{include}\njetstream {{\n  store_dir: {store:?}\n  max_file_store: {MAX_STORE}\n  {sync}\n}}\n"
        );
        fs::write(self.dir.join(CONFIG), text)?;
        Ok(())
    }

    fn command(&self, ports: &Path) -> Command {
        // A port of -1 lets the kernel choose, where none is known yet.
        let port = |port: u16| {
            if port == 0 {
                "-1".to_owned()
            } else {
                port.to_string()
            }
        };
        let mut command = Command::new(&self.server.program);
        command.args([
            "-a",
            "127.0.0.1",
            "-p",
            &port(self.port),
            "-m",
            &port(self.monitor_port),
        ]);
        command.arg("--ports_file_dir").arg(ports);
        command.arg("-c").arg(self.dir.join(CONFIG));
        command.envs(self.options.env.iter().map(|(name, value)| (name, value)));
        if self.options.apart {
            detach(&mut command);
        }
        command
    }

    fn log_file(&self) -> PathBuf {
        self.dir.join("nats.log")
    }
}

/// Waits until `process` answers clients, and returns its ports for clients and for monitoring. The
/// server's ports file has the process id in its name, so the ports that it lists are of this process
/// and no other.
async fn ready(process: &mut Process, ports: &Path) -> Result<(u16, u16)> {
    let pid = process.pid().context("nats-server ended at once")?;
    let program = "nats-server";
    let file = ports.join(format!("{program}_{pid}.ports"));
    let found = try_eventually("nats-server is ready", START, async || {
        if let Some(status) = process.exited()? {
            return Ok(Err(status)); // No use in waiting longer.
        }
        let found = read_ports(&file)?;
        greeting(found.0).await?;
        anyhow::Ok(Ok(found))
    })
    .await;
    match found {
        Ok(Ok(ports)) => Ok(ports),
        Ok(Err(status)) => bail!("nats-server ended with {status}:{}", process.tail()),
        Err(error) => Err(error.context(format!("nats-server wrote:{}", process.tail()))),
    }
}

fn read_ports(file: &Path) -> Result<(u16, u16)> {
    let text = fs::read(file).with_context(|| format!("no `{}`", file.display()))?;
    let lists: serde_json::Value = serde_json::from_slice(&text)?;
    let port = |list: &str| {
        let address = lists[list][0].as_str()?;
        url::Url::parse(address).ok()?.port()
    };
    let clients = port("nats").context("no port for clients yet")?;
    Ok((
        clients,
        port("monitoring").context("no port for monitoring yet")?,
    ))
}

/// Connects and expects `INFO`, which a server that is ready sends to each client first.
async fn greeting(port: u16) -> Result<()> {
    let mut stream = TcpStream::connect(loopback(port)).await?;
    let mut word = [0; 5];
    timeout(Duration::from_secs(1), stream.read_exact(&mut word)).await??;
    if &word != b"INFO " {
        bail!("port {port} does not speak the broker's language");
    }
    Ok(())
}
