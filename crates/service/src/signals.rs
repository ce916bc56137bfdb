//! Signals that ask a process to stop.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// How long a stop may take before the process ends without its work being done.
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// The signals that ask a process to stop.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From here on a signal no longer ends the process by itself. Needs a runtime.
    pub(crate) fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// Turns the first signal into the stop, and returns when it was not heeded: at the second
    /// signal or after [`STOP_LIMIT`].
    pub(crate) async fn insist(mut self, stop: CancellationToken) {
        self.next().await;
        info!("stopping");
        stop.cancel();
        tokio::select! {
            () = self.next() => warn!("second signal: ending with work undone"),
            () = tokio::time::sleep(STOP_LIMIT) => {
                warn!("not stopped after {} s: ending with work undone", STOP_LIMIT.as_secs());
            }
        }
    }
}
