//! Confirmation before something is deleted.

use std::io::{self, IsTerminal};

use tokio_util::sync::CancellationToken;

/// Asks for confirmation, if the standard input is a terminal; else returns true. Exits with 1 when `stop` is
/// cancelled.
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
        // Reading a line cannot be cancelled in any other way.
        () = stop.cancelled() => std::process::exit(1),
    }
}
