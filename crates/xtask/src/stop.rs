//! Requests to stop: Ctrl-C, `SIGTERM` from another program, or the end of the terminal.

use std::fs;

use anyhow::Result;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Receives the signals from the moment it is made; until then they end the process.
pub(crate) struct Stop {
    interrupt: Signal,
    terminate: Signal,
    hangup: Option<Signal>,
}

impl Stop {
    pub(crate) fn listen() -> Result<Self> {
        // A user who starts us with `nohup` wants us to outlive the terminal.
        let outlives = is_ignored(SignalKind::hangup());
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: (!outlives)
                .then(|| signal(SignalKind::hangup()))
                .transpose()?,
        })
    }

    /// Waits for the next signal and returns it.
    pub(crate) async fn asked(&mut self) -> testkit::Signal {
        tokio::select! {
            _ = self.interrupt.recv() => testkit::Signal::SIGINT,
            _ = self.terminate.recv() => testkit::Signal::SIGTERM,
            () = heard(self.hangup.as_mut()) => testkit::Signal::SIGHUP,
        }
    }
}

async fn heard(signal: Option<&mut Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

/// Returns whether this process was started with the signal ignored: bit n - 1 of `SigIgn` in the
/// kernel's status of the process is signal n.
fn is_ignored(kind: SignalKind) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let bits = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let bits = bits.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok());
    bits.is_some_and(|bits| bits >> (kind.as_raw_value() - 1) & 1 == 1)
}
