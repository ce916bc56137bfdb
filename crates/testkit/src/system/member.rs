//! One member of a service: a process that answers.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use serde::Serialize;
use tokio::process::Command;

use super::options::{Event, Report};
use crate::process::{Output, Process, Signal, apart};
use crate::{http, leftover, ports, try_eventually};

/// A service that is not ready by then will not become it.
const START: Duration = Duration::from_mins(1);

/// How long a member may take to finish what it holds; its own limit is 20 seconds.
pub(super) const STOP: Duration = Duration::from_secs(25);

/// What a member is, for whoever watches it.
#[derive(Clone, Debug, Serialize)]
pub struct Member {
    /// The member's name, such as `save-handler-1`.
    pub name: String,
    /// The service's name.
    pub service: String,
    /// The process id while it runs.
    pub pid: Option<u32>,
    /// Where it answers.
    pub http: Option<String>,
}

/// How a member is started, each time.
#[derive(Clone)]
pub(super) struct Recipe {
    pub(super) name: String,
    pub(super) service: String,
    pub(super) program: std::path::PathBuf,
    pub(super) env: Vec<(String, String)>,
    pub(super) apart: bool,
    /// The port somebody asked for, which is then the only one that will do.
    pub(super) port: Option<u16>,
}

/// A member that was started, and may have ended since.
pub(super) struct Running {
    pub(super) recipe: Recipe,
    pub(super) process: Process,
    /// Whether its end is known: it was stopped, or the end was reported.
    pub(super) down: bool,
    /// The address that it was told, unless the kernel chooses.
    told: Option<SocketAddr>,
}

impl Recipe {
    /// Starts the process, at `before` if that address is still free.
    pub(super) fn spawn(
        self,
        before: Option<SocketAddr>,
        notes: &Path,
        report: &Report,
    ) -> Result<Running> {
        let before = before
            .map(|address| address.port())
            .filter(|port| ports::is_free(*port));
        let told = self.port.or(before).map(ports::loopback);
        let address = told.unwrap_or(ports::loopback(0));
        let mut command = Command::new(&self.program);
        command
            .env("HTTP_ADDR", address.to_string())
            .env("MEMBER", &self.name);
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        if self.apart {
            apart(&mut command);
        }
        let process = Process::spawn(&self.name, command, lines(&self.name, report))?;
        if let Some(pid) = process.pid() {
            leftover::note(&notes.join(&self.name), pid)?;
        }
        Ok(Running {
            recipe: self,
            process,
            down: false,
            told,
        })
    }
}

impl Running {
    /// Where it answers, as it was told or has said.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.told.or_else(|| {
            self.process
                .lines()
                .iter()
                .find_map(|line| address_in(line))
        })
    }

    pub(super) fn describe(&self) -> Member {
        Member {
            name: self.recipe.name.clone(),
            service: self.recipe.service.clone(),
            pid: self.process.pid(),
            http: self.address().map(|address| format!("http://{address}")),
        }
    }

    /// Waits until it says where it listens, whether it is ready or not.
    pub(super) async fn listening(&mut self) -> Result<SocketAddr> {
        self.process
            .wait_for("its address (`http.addr`)", START, address_in)
            .await
    }

    /// Waits until it says that all it needs is there.
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

    /// Asks it to stop, and insists after a while.
    pub(super) async fn stop(&mut self) -> Result<std::process::ExitStatus> {
        self.down = true;
        self.process.stop(Signal::SIGTERM, STOP).await
    }
}

/// The output of a member, told to whoever watches.
pub(super) fn lines(name: &str, report: &Report) -> Output {
    let (name, report) = (name.to_owned(), Arc::clone(report));
    Output::Lines(Some(Arc::new(move |line| {
        report(Event::Line {
            member: &name,
            line,
        });
    })))
}

/// The address in a log line, `http.addr=127.0.0.1:8080` as text or `"http.addr":"127.0.0.1:8080"` as
/// JSON.
fn address_in(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("http.addr")?;
    let rest = rest.trim_start_matches(['"', ':', '=', ' ']);
    let end = rest.find(|c: char| !c.is_ascii_hexdigit() && !".:[]".contains(c));
    rest[..end.unwrap_or(rest.len())].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::address_in;

    #[test]
    fn an_address_is_found_in_text_and_in_json() {
        let address = "127.0.0.1:4711".parse().ok();

        assert_eq!(
            address_in("INFO listening http.addr=127.0.0.1:4711 service=todo-web"),
            address
        );
        assert_eq!(
            address_in(r#"{"a":1,"http.addr":"127.0.0.1:4711","b":2}"#),
            address
        );
        assert_eq!(address_in("listening on 127.0.0.1:4711"), None);
    }
}
