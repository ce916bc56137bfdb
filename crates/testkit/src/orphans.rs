//! Stops processes of an earlier run that was killed.
//!
//! A killed process cannot stop its children, and two brokers on one store destroy it. So each child
//! that works in a kept directory is recorded in a file: its process id *and* its start time, since the
//! id alone may by now belong to another process.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::try_eventually;

/// Records the process `pid` in `file`.
pub fn note(file: &Path, pid: u32) -> Result<()> {
    let started = started(pid).unwrap_or_default();
    fs::write(file, format!("{pid} {started}\n"))
        .with_context(|| format!("cannot write `{}`", file.display()))
}

/// Stops the process recorded in `file`, if it is still the same one, and removes the file. Returns
/// whether it stopped one.
pub async fn stop(file: &Path, signal: Signal, patience: Duration) -> Result<bool> {
    let Ok(text) = fs::read_to_string(file) else {
        return Ok(false);
    };
    let noted = text
        .trim()
        .split_once(' ')
        .and_then(|(pid, started)| Some((pid.parse::<u32>().ok()?, started.to_owned())));
    let stopped = match noted {
        Some((pid, start)) if started(pid).is_some_and(|now| now == start) => {
            stop_pid(pid, signal, patience).await?;
            true
        }
        _ => false,
    };
    fs::remove_file(file).with_context(|| format!("cannot remove `{}`", file.display()))?;
    Ok(stopped)
}

/// Stops the process `pid`, which the caller knows to be its own, first by `signal`, then by force. The
/// signal may take `patience`, force 5 s; fails if the process is still there.
pub async fn stop_pid(pid: u32, signal: Signal, patience: Duration) -> Result<()> {
    let before = started(pid);
    let gone = async || started(pid).is_none() || started(pid) != before;
    for (signal, patience) in [
        (signal, patience),
        (Signal::SIGKILL, Duration::from_secs(5)),
    ] {
        let target = Pid::from_raw(i32::try_from(pid)?);
        match kill(target, signal).and_then(|()| kill(target, Signal::SIGCONT)) {
            Ok(()) => {}
            Err(Errno::ESRCH) => return Ok(()),
            Err(error) => return Err(error).context(format!("cannot stop process {pid}")),
        }
        if try_eventually("the process is gone", patience, gone)
            .await
            .is_ok()
        {
            return Ok(());
        }
    }
    bail!("process {pid} of an earlier run does not end");
}

/// Returns the process's start time, in the kernel's ticks and with the boot's id; `None` if it does not
/// run, which includes one that has ended and was not yet reaped.
fn started(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is a name in parentheses which may contain anything.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let (state, ticks) = (fields.first()?, fields.get(19)?);
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    (!matches!(*state, "Z" | "X")).then(|| format!("{ticks} {}", boot.trim()))
}
