//! Replaying and discarding, one letter after the other.

use std::io::{self, IsTerminal};

use anyhow::ensure;
use bus::{DeadLetter, Desk, DeskError};
use tokio_util::sync::CancellationToken;

use super::get;
use crate::text::say;

/// Changes each of the letters and says how many. One that cannot be changed is named and does
/// not keep the others from it.
pub(super) async fn each<F>(
    desk: &Desk,
    sequences: Vec<u64>,
    what: &str,
    change: F,
) -> anyhow::Result<()>
where
    F: AsyncFn(&Desk, &DeadLetter) -> Result<(), DeskError>,
{
    let all = sequences.len();
    let mut done = 0;
    for sequence in sequences {
        let changed = async {
            let letter = get(desk, sequence).await?;
            anyhow::Ok(change(desk, &letter).await?)
        };
        match changed.await {
            Ok(()) => done += 1,
            Err(error) => eprintln!("dead letter {sequence}: {error:#}"),
        }
    }
    say([format!("{what} {}", count(done))]);
    ensure!(done == all, "{} not {what}", count(all - done));
    Ok(())
}

/// Asks whether so many letters shall be discarded, if there is somebody to ask.
pub(super) async fn confirm(letters: usize, stop: CancellationToken) -> anyhow::Result<bool> {
    if !io::stdin().is_terminal() {
        return Ok(true);
    }
    eprint!("discard {}? [y/N] ", count(letters));
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

fn count(letters: usize) -> String {
    match letters {
        1 => "1 dead letter".to_owned(),
        _ => format!("{letters} dead letters"),
    }
}
