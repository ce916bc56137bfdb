//! Signals that request shutdown.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// Time after which a process ends with its work undone, if it has not shut down.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(20);

/// The signals that request shutdown.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Starts to listen: from here on a signal no longer ends the process by itself. Needs a runtime.
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

    /// Cancels `stop` at the first signal, and returns if the process still runs at the second signal or
    /// after [`STOP_LIMIT`].
    pub(crate) async fn force_exit(mut self, stop: CancellationToken) {
        self.next().await;
        info!("stopping");
        stop.cancel();
        tokio::select! {
            () = self.next() => warn!("second signal: ending with work undone"),
            () = tokio::time::sleep(SHUTDOWN_TIMEOUT) => {
                warn!("not stopped after {} s: ending with work undone", SHUTDOWN_TIMEOUT.as_secs());
            }
        }
    }
}
