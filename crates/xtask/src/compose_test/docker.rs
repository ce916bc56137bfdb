//! The Docker engine, through the commands that a user types.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use testkit::{Output, Process, ports::free_port};
use tokio::process::Command;
use tokio::time::timeout;

use crate::cargo::root;

/// Time that a command may take, and one that compiles.
const COMMAND_TIMEOUT: Duration = Duration::from_mins(4);
const BUILD_TIMEOUT: Duration = Duration::from_mins(40);

/// The compose files with the audit.
pub(super) const AUDIT: &str = "-f docker-compose.yml -f docker-compose-audit.yml";

/// All compose files: those with the audit and the API.
pub(super) const EVERYTHING: &str =
    "-f docker-compose.yml -f docker-compose-audit.yml -f docker-compose-api.yml";

/// A compose project of our own.
pub(super) struct Docker {
    project: String,
    web_port: u16,
    api_port: u16,
    monitor_port: u16,
}

/// Fails unless Docker, compose and buildx are usable; the error says which is missing.
pub(super) async fn usable() -> Result<()> {
    for args in ["version", "compose version", "buildx version"] {
        let mut command = Command::new("docker");
        command.args(args.split_whitespace());
        output(command, COMMAND_TIMEOUT)
            .await
            .context("there is no Docker engine with compose and buildx")?;
    }
    Ok(())
}

impl Docker {
    pub(super) fn new() -> Result<Self> {
        // Each checkout has a project name of its own.
        let mut hasher = DefaultHasher::new();
        root().hash(&mut hasher);
        Ok(Self {
            project: format!("todo-compose-test-{:08x}", hasher.finish() & 0xffff_ffff),
            web_port: free_port()?,
            api_port: free_port()?,
            monitor_port: free_port()?,
        })
    }

    pub(super) fn project(&self) -> &str {
        &self.project
    }

    pub(super) fn web(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.web_port)
    }

    pub(super) fn api(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.api_port)
    }

    pub(super) fn monitor(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.monitor_port)
    }

    /// Runs `docker compose` with these arguments, shows the command, and returns its output.
    pub(super) async fn compose(&self, args: &str) -> Result<String> {
        let started = Instant::now();
        let printed = self.compose_quietly(args).await?;
        println!(
            "    $ docker compose {args}   ({:.1} s)",
            started.elapsed().as_secs_f32()
        );
        Ok(printed)
    }

    /// Runs `docker compose` like [`compose`](Self::compose) without showing the command, for polling.
    pub(super) async fn compose_quietly(&self, args: &str) -> Result<String> {
        output(
            self.compose_command(args.split_whitespace()),
            COMMAND_TIMEOUT,
        )
        .await
    }

    /// Runs commands of the manual in `directory`, with all compose files named by the environment.
    pub(super) async fn script(&self, commands: &str, directory: &Path) -> Result<()> {
        print!("{commands}");
        let files = ["", "-audit", "-api"].map(|file| {
            let file = root().join(format!("docker-compose{file}.yml"));
            file.display().to_string()
        });
        let mut shell = Command::new("sh");
        self.tell(&mut shell)
            .env("COMPOSE_PROJECT_NAME", &self.project)
            .env("COMPOSE_FILE", files.join(":"))
            .arg("-ec")
            // The names of its volumes begin with the project's name.
            .arg(commands.replace(" todo_", &format!(" {}_", self.project)))
            .current_dir(directory);
        output(shell, COMMAND_TIMEOUT).await.map(drop)
    }

    /// Builds every image, and shows the progress.
    pub(super) async fn build(&self) -> Result<()> {
        let args = format!("{EVERYTHING} --profile tools build");
        let mut command = self.compose_command(args.split_whitespace());
        let status = timeout(BUILD_TIMEOUT, command.stdin(Stdio::null()).status()).await;
        let status = status.with_context(|| format!("not built within {BUILD_TIMEOUT:?}"))??;
        ensure!(
            status.success(),
            "`docker compose build` ended with {status}"
        );
        Ok(())
    }

    /// Starts `docker compose` with these arguments and does not wait for its end.
    pub(super) fn start(&self, args: &str) -> Result<Process> {
        println!("    $ docker compose {args}");
        let command = self.compose_command(args.split_whitespace());
        Process::spawn("docker compose", command, Output::Lines(None))
    }

    /// Runs a query and returns psql's output.
    pub(super) async fn psql(&self, query: &str) -> Result<String> {
        let args = "exec -T todo-db psql -X -U todo -d todo -v ON_ERROR_STOP=1 -A -t -c";
        let args = args.split_whitespace().chain([query]);
        let answer = output(self.compose_command(args), COMMAND_TIMEOUT).await?;
        Ok(answer.trim().to_owned())
    }

    /// Runs another command of `docker` and returns its output.
    pub(super) async fn docker(&self, args: &[&str]) -> Result<String> {
        let mut command = Command::new("docker");
        command.args(args);
        output(command, COMMAND_TIMEOUT).await
    }

    /// Removes everything: containers, networks, volumes and images.
    pub(super) async fn remove_all(&self) -> Result<()> {
        let args = format!(
            "{EVERYTHING} --profile tools down --volumes --remove-orphans --rmi local --timeout 5"
        );
        self.compose_quietly(&args).await?;
        Ok(())
    }

    /// Shows the containers and the end of their logs, for diagnosis.
    pub(super) async fn show_state(&self) {
        for args in ["ps --all", "logs --timestamps --tail 60"] {
            let shown = self.compose_quietly(&format!("{EVERYTHING} {args}")).await;
            eprintln!("--- docker compose {args}");
            match shown {
                Ok(shown) => eprintln!("{shown}"),
                Err(error) => eprintln!("{error:#}"),
            }
        }
    }

    fn compose_command<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = Command::new("docker");
        // A user's settings for another project must have no effect.
        for name in ["COMPOSE_FILE", "COMPOSE_PROFILES", "COMPOSE_PROJECT_NAME"] {
            command.env_remove(name);
        }
        self.tell(&mut command)
            .args(["compose", "--project-name", &self.project])
            .args(args)
            .current_dir(root());
        command
    }

    /// Sets the environment variables that the compose files and compose itself read.
    fn tell<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .env("WEB_PORT", self.web_port.to_string())
            .env("API_PORT", self.api_port.to_string())
            .env("MONITOR_PORT", self.monitor_port.to_string())
            .env("COMPOSE_ANSI", "never")
    }
}

/// Runs a command and returns its standard output. Fails, with its output, if it fails or takes longer
/// than `patience`.
async fn output(mut command: Command, patience: Duration) -> Result<String> {
    // A Ctrl-C on the terminal is for us: we end our child processes, and clean up after them.
    command
        .process_group(0)
        .kill_on_drop(true)
        .stdin(Stdio::null());
    let line = format!("{:?}", command.as_std());
    let done = timeout(patience, command.output()).await;
    let done = done.with_context(|| format!("not done within {patience:?}: {line}"))?;
    let done = done.with_context(|| format!("cannot start {line}"))?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr);
        bail!("{line} ended with {}:\n{}", done.status, said.trim_end());
    }
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}
