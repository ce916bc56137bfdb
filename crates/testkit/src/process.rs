//! A child process that ends when its value is dropped.
//!
//! Signals go to the child's own process id only, and never after it has been reaped, so that a recycled
//! id cannot be hit. A child shares our process group, so that killing a test that hangs together with
//! its group leaves no server behind; [`apart`] is for programs that stop their children in order.

mod lines;

use std::fs::{self, OpenOptions};
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::kill;
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use lines::Lines;
pub use nix::sys::signal::Signal;

/// A callback for each line of a child, which is kept as well.
pub type Sink = Arc<dyn Fn(&str) + Send + Sync>;

/// Destination of a child's output.
pub enum Output {
    /// Appended to a file, for servers whose log is read only when something is wrong.
    File(PathBuf),
    /// Read line by line, both streams; the last ten thousand are kept.
    Lines(Option<Sink>),
}

/// Gives a command a process group of its own: a Ctrl-C on the terminal then reaches only the parent.
pub fn detach(command: &mut Command) {
    command.process_group(0);
}

/// Number of lines of a log that an error shows.
const TAIL: usize = 20;

/// Time that a child may take to stop after `SIGSTOP`.
const FREEZE: Duration = Duration::from_secs(2);

enum Log {
    File(PathBuf),
    Lines(Lines),
}

/// A running child.
pub struct Process {
    name: String,
    child: Child,
    log: Log,
    farewell: Signal,
}

impl Process {
    /// Starts `command`; errors contain `name`.
    pub fn spawn(name: &str, mut command: Command, output: Output) -> Result<Self> {
        command.stdin(Stdio::null()).kill_on_drop(true);
        if let Output::File(path) = &output {
            let file = OpenOptions::new().create(true).append(true).open(path);
            let file = file.with_context(|| format!("cannot write `{}`", path.display()))?;
            command.stdout(file.try_clone()?).stderr(file);
        } else {
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
        }
        let child = command.spawn();
        let program = command.as_std().get_program().display();
        let mut child = child.with_context(|| format!("cannot start {name}: `{program}`"))?;
        let log = match output {
            Output::File(path) => Log::File(path),
            Output::Lines(sink) => Log::Lines(Lines::read(&mut child, sink.as_ref())),
        };
        Ok(Self {
            name: name.to_owned(),
            child,
            log,
            farewell: Signal::SIGKILL,
        })
    }

    /// Sets the signal that dropping sends, for servers that leave things behind when killed.
    #[must_use]
    pub fn with_farewell(mut self, signal: Signal) -> Self {
        self.farewell = signal;
        self
    }

    /// Returns the name given at the start.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the process id while the child runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Sends a signal. Fails if the child has ended.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let Some(pid) = self.pid() else {
            bail!("{} has ended", self.name)
        };
        kill(Pid::from_raw(i32::try_from(pid)?), signal)
            .with_context(|| format!("cannot send {signal} to {}", self.name))
    }

    /// Freezes the child: it keeps its connections and answers nothing. Returns when each of its threads
    /// is stopped, which is a moment after the signal was sent.
    pub fn pause(&self) -> Result<()> {
        self.signal(Signal::SIGSTOP)?;
        let deadline = Instant::now() + FREEZE;
        while !self.stands_still() {
            ensure!(
                Instant::now() < deadline,
                "`{}` does not stand still",
                self.name
            );
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Returns whether the kernel shows every thread of the child as stopped.
    fn stands_still(&self) -> bool {
        let Some(pid) = self.pid() else { return true };
        let threads = std::fs::read_dir(format!("/proc/{pid}/task"))
            .into_iter()
            .flatten();
        threads.flatten().all(|thread| {
            // The state follows the name, which is in parentheses and may contain anything.
            let stat = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
            stat.rsplit_once(") ")
                .is_none_or(|(_, state)| state.starts_with(['T', 't', 'Z', 'X']))
        })
    }

    /// Resumes a frozen child.
    pub fn resume(&self) -> Result<()> {
        self.signal(Signal::SIGCONT)
    }

    /// Returns the child's exit status, or `None` while it runs.
    pub fn exited(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Waits for the end and returns the exit status; may be cancelled and called again.
    pub async fn wait(&mut self) -> Result<ExitStatus> {
        Ok(self.child.wait().await?)
    }

    /// Kills the child and waits until it is gone.
    pub async fn kill(&mut self) -> Result<ExitStatus> {
        self.child.start_kill()?;
        self.wait().await
    }

    /// Sends `signal`, waits up to `patience`, and kills the child if it has not ended by then.
    pub async fn stop(&mut self, signal: Signal, patience: Duration) -> Result<ExitStatus> {
        if let Some(status) = self.exited()? {
            return Ok(status);
        }
        self.signal(signal)?;
        self.resume()?; // A frozen child would not hear it.
        match timeout(patience, self.wait()).await {
            Ok(status) => status,
            Err(_) => self.kill().await,
        }
    }

    /// Returns the lines written so far, oldest first; without a log file, the last ten thousand of
    /// them.
    pub fn lines(&self) -> Vec<String> {
        match &self.log {
            Log::Lines(lines) => lines.all(),
            Log::File(path) => {
                let text = fs::read(path).unwrap_or_default();
                String::from_utf8_lossy(&text)
                    .lines()
                    .map(str::to_owned)
                    .collect()
            }
        }
    }

    /// Returns the end of the log, indented, for an error's text.
    pub fn tail(&self) -> String {
        let lines = self.lines();
        let last = &lines[lines.len().saturating_sub(TAIL)..];
        last.iter().flat_map(|line| ["\n    ", line]).collect()
    }

    /// Returns the first value that `choose` yields for a line, waiting for it if need be. Fails after
    /// `within`, and earlier if the child closes its output.
    pub async fn wait_for<T>(
        &self,
        what: &str,
        within: Duration,
        choose: impl Fn(&str) -> Option<T>,
    ) -> Result<T> {
        let Log::Lines(lines) = &self.log else {
            bail!("{} writes to a file", self.name)
        };
        match timeout(within, lines.find(choose)).await {
            Ok(Some(found)) => Ok(found),
            Ok(None) => bail!("{} ended without {what}:{}", self.name, self.tail()),
            Err(_) => bail!(
                "{} did not write {what} within {within:?}:{}",
                self.name,
                self.tail()
            ),
        }
    }

    /// Returns the first line that contains `text`, waiting for it like [`wait_for`](Self::wait_for).
    pub async fn wait_for_line(&self, text: &str, within: Duration) -> Result<String> {
        let what = format!("`{text}`");
        self.wait_for(&what, within, |line| {
            line.contains(text).then(|| line.to_owned())
        })
        .await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !matches!(self.exited(), Ok(None)) {
            return;
        }
        drop(self.signal(self.farewell));
        drop(self.resume());
        // The child's directory is often removed next; it must not write into it any more.
        let patience = Instant::now() + Duration::from_secs(3);
        while matches!(self.exited(), Ok(None)) && Instant::now() < patience {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}
