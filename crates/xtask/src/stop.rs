//! The wish to stop: Ctrl-C, or `SIGTERM` from another program.

use anyhow::Result;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Hears the signals from the moment it is made; until then they end the process.
pub(crate) struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    pub(crate) fn listen() -> Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for the next signal and names it.
    pub(crate) async fn asked(&mut self) -> testkit::Signal {
        tokio::select! {
            _ = self.interrupt.recv() => testkit::Signal::SIGINT,
            _ = self.terminate.recv() => testkit::Signal::SIGTERM,
        }
    }
}
