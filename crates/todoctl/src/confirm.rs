//! Asking a person before something is gone.

use std::io::{self, IsTerminal};

use tokio_util::sync::CancellationToken;

/// Asks whether to do it, if there is somebody to ask; else it may be done.
pub(crate) async fn confirm(what: &str, stop: CancellationToken) -> anyhow::Result<bool> {
    if !io::stdin().is_terminal() {
        return Ok(true);
    }
    eprint!("{what}? [y/N] ");
    let answer = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        io::stdin().read_line(&mut line).map(|_| line)
    });
    tokio::select! {
        answer = answer => Ok(["y", "yes"].contains(&answer??.trim())),
        // Whoever waits for a line cannot be stopped in any other way.
        () = stop.cancelled() => std::process::exit(1),
    }
}
