//! One member of a service: a process that answers HTTP requests.

use std::fs;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use serde::Serialize;
use tokio::process::Command;

use super::options::{Event, Report};
use crate::process::{Output, Process, Signal, detach};
use crate::{http, orphans, ports, try_eventually};

/// Directory of the files that record the processes, in the system's directory.
pub(super) const NOTES: &str = "pids";

/// Directory of the files that members write their addresses to, in the system's directory.
pub(super) const ADDRESSES: &str = "addresses";

/// Time within which a member must be ready.
const START: Duration = Duration::from_mins(1);

/// Time that a member may take to finish its in-flight messages and requests; its own limit is 20
/// seconds.
pub(super) const STOP: Duration = Duration::from_secs(25);

/// Description of a member.
#[derive(Clone, Debug, Serialize)]
pub struct Member {
    /// The member's name, such as `save-handler-1`.
    pub name: String,
    /// The service's name.
    pub service: String,
    /// The process id while it runs.
    pub pid: Option<u32>,
    /// The URL that it answers at.
    pub http: Option<String>,
}

/// Everything that is needed to start a member, the first time and again.
#[derive(Clone)]
pub(super) struct Recipe {
    pub(super) name: String,
    pub(super) service: String,
    pub(super) program: PathBuf,
    pub(super) env: Vec<(String, String)>,
    pub(super) apart: bool,
    /// The port that it listens on; the kernel chooses by default.
    pub(super) port: Option<u16>,
    /// Set when the port was requested explicitly, so that no other one will do.
    pub(super) port_is_given: bool,
}

/// A member that was started, and may have ended since.
pub(super) struct Running {
    pub(super) recipe: Recipe,
    pub(super) process: Process,
    /// Set when its end is known: it was stopped, or the end was reported.
    pub(super) down: bool,
    /// The file that the member writes its address to, once it listens.
    address_file: PathBuf,
}

impl Recipe {
    /// Starts the process.
    pub(super) fn spawn(self, dir: &Path, report: &Report) -> Result<Running> {
        let address = ports::loopback(self.port.unwrap_or_default());
        let address_file = dir.join(ADDRESSES).join(&self.name);
        match fs::remove_file(&address_file) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let mut command = Command::new(&self.program);
        command
            .env("HTTP_ADDR", address.to_string())
            .env("ADDRESS_FILE", &address_file)
            .env("MEMBER", &self.name);
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        if self.apart {
            detach(&mut command);
        }
        let process = Process::spawn(&self.name, command, lines(&self.name, report))?;
        if let Some(pid) = process.pid() {
            orphans::note(&dir.join(NOTES).join(&self.name), pid)?;
        }
        Ok(Running {
            recipe: self,
            process,
            down: false,
            address_file,
        })
    }
}

impl Running {
    /// Returns the address that the member listens on, once it listens.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        let address = fs::read_to_string(&self.address_file).ok()?;
        address.trim().parse().ok()
    }

    pub(super) fn describe(&self) -> Member {
        Member {
            name: self.recipe.name.clone(),
            service: self.recipe.service.clone(),
            pid: self.process.pid(),
            http: self.address().map(|address| format!("http://{address}")),
        }
    }

    /// Waits until the member listens, ready or not, and returns its address.
    pub(super) async fn listening(&mut self) -> Result<SocketAddr> {
        let name = self.recipe.name.clone();
        let listening = try_eventually(&format!("{name} listens"), START, async || {
            match (self.address(), self.process.exited()) {
                (Some(address), _) => Some(Ok(address)),
                (None, Ok(Some(status))) => Some(Err(status)), // No use in waiting longer.
                _ => None,
            }
        })
        .await;
        match listening {
            Ok(Ok(address)) => Ok(address),
            Ok(Err(status)) => bail!("{name} ended with {status}:{}", self.process.tail()),
            Err(error) => Err(error.context(format!("{name} wrote:{}", self.process.tail()))),
        }
    }

    /// Waits until the member reports that everything it needs is available.
    pub(super) async fn ready(&mut self) -> Result<()> {
        let address = self.listening().await?;
        let url = format!("http://{address}/statusz");
        let process = &mut self.process;
        let name = &self.recipe.name;
        let ready = try_eventually(&format!("{name} is ready"), START, async || {
            if let Some(status) = process.exited()? {
                return Ok(Err(status)); // No use in waiting longer.
            }
            let answer = http::get(&url).await?;
            ensure!(
                answer.status == 200,
                "status {}: {}",
                answer.status,
                answer.text()
            );
            anyhow::Ok(Ok(()))
        })
        .await;
        match ready {
            Ok(Ok(())) => Ok(()),
            Ok(Err(status)) => bail!("{name} ended with {status}:{}", process.tail()),
            Err(error) => Err(error.context(format!("{name} wrote:{}", process.tail()))),
        }
    }

    /// Sends SIGTERM, and kills the member after [`STOP`].
    pub(super) async fn stop(&mut self) -> Result<std::process::ExitStatus> {
        self.down = true;
        self.process.stop(Signal::SIGTERM, STOP).await
    }
}

/// Returns a member's output, each line of which is reported.
pub(super) fn lines(name: &str, report: &Report) -> Output {
    let (name, report) = (name.to_owned(), Arc::clone(report));
    Output::Lines(Some(Arc::new(move |line| {
        report(Event::Line {
            member: &name,
            line,
        });
    })))
}
