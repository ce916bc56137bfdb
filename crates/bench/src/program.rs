//! A service or a reference, as a process of its own.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use testkit::process::{Output, Process};
use testkit::{Signal, try_eventually};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::{sleep, timeout};

use crate::load::{self, Connection};

/// Time within which a program must be ready, or end when it is asked to.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// Interval at which a process that starts is asked whether it is ready.
const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// A running program. Dropping it kills it.
pub(crate) struct Program {
    process: Process,
    address: SocketAddr,
    started: Instant,
}

/// Memory of a process, in MiB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// Resident memory now.
    pub(crate) resident: f64,
    /// Its peak.
    pub(crate) peak: f64,
}

impl Program {
    /// Starts a program that will listen on `address`. Its log goes to a file, as it does where services
    /// are deployed: discarded it would cost less, read by us it would cost us.
    pub(crate) fn start(
        name: &str,
        command: Command,
        address: SocketAddr,
        logs: &Path,
    ) -> Result<Self> {
        let started = Instant::now();
        let output = Output::File(logs.join(format!("{name}.log")));
        Ok(Self {
            process: Process::spawn(name, command, output)?,
            address,
            started,
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        self.process.pid()
    }

    /// Waits until a service reports that it is ready, and returns the time since its start.
    pub(crate) async fn ready(&mut self) -> Result<Duration> {
        let request = load::get("/statusz");
        loop {
            let waited = self.started.elapsed();
            if let Ok(200) = ask(self.address, &request).await {
                return Ok(self.started.elapsed());
            }
            if let Some(status) = self.process.exited()? {
                bail!(
                    "{} ended with {status}:{}",
                    self.process.name(),
                    self.process.tail()
                );
            }
            if waited > START_TIMEOUT {
                bail!(
                    "{} is not ready:{}",
                    self.process.name(),
                    self.process.tail()
                );
            }
            sleep(POLL_INTERVAL).await;
        }
    }

    /// Waits until a reference accepts connections.
    pub(crate) async fn listening(&mut self) -> Result<()> {
        let (address, process) = (self.address, &mut self.process);
        let accepted = try_eventually("the reference listens", START_TIMEOUT, async || {
            if let Some(status) = process.exited()? {
                return anyhow::Ok(Err(status)); // No use in waiting longer.
            }
            TcpStream::connect(address).await?;
            Ok(Ok(()))
        });
        match accepted.await? {
            Ok(()) => Ok(()),
            Err(status) => bail!("{} ended with {status}:{}", process.name(), process.tail()),
        }
    }

    /// Fails if the program has ended.
    pub(crate) fn check(&mut self) -> Result<()> {
        match self.process.exited()? {
            None => Ok(()),
            Some(status) => {
                bail!(
                    "{} ended with {status}:{}",
                    self.process.name(),
                    self.process.tail()
                )
            }
        }
    }

    pub(crate) fn memory(&self) -> Result<Memory> {
        let pid = self.process.pid().context("it has ended")?;
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let mebibytes = |field: &str| -> Result<f64> {
            let line = status.lines().find(|line| line.starts_with(field));
            let kibibytes = line.and_then(|line| line.split_whitespace().nth(1));
            let kibibytes: f64 = kibibytes.context("no memory in the status")?.parse()?;
            Ok(kibibytes / 1024.0)
        };
        Ok(Memory {
            resident: mebibytes("VmRSS:")?,
            peak: mebibytes("VmHWM:")?,
        })
    }

    /// Asks the program to stop and waits for its end.
    pub(crate) async fn stop(mut self) -> Result<()> {
        self.process
            .stop(Signal::SIGTERM, START_TIMEOUT)
            .await
            .map(drop)
    }
}

async fn ask(address: SocketAddr, request: &[u8]) -> Result<u16> {
    let answer = async {
        let mut connection = Connection::open(address).await?;
        Ok(connection.exchange(request).await?.status)
    };
    timeout(Duration::from_secs(1), answer).await?
}
