//! Replaying and discarding, one dead letter after the other.

use anyhow::ensure;
use bus::{DeadLetter, DeadLetterError, DeadLetters};

use super::get;
use crate::text::say;

/// Changes each of the dead letters and prints their number. A failure is reported, the others are still
/// changed, and then it fails.
pub(super) async fn each<F>(
    desk: &DeadLetters,
    sequences: Vec<u64>,
    what: &str,
    change: F,
) -> anyhow::Result<()>
where
    F: AsyncFn(&DeadLetters, &DeadLetter) -> Result<(), DeadLetterError>,
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

/// Returns the number of dead letters in words.
pub(super) fn count(letters: usize) -> String {
    match letters {
        1 => "1 dead letter".to_owned(),
        _ => format!("{letters} dead letters"),
    }
}
