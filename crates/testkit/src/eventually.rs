//! Waiting for a condition: poll often, give up late.
//!
//! A fixed sleep is either too short on a busy machine or too long on every other one.

use std::fmt::Debug;
use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::{Instant, sleep, timeout_at};

/// Pause between two polls.
const INTERVAL: Duration = Duration::from_millis(10);

/// The result of one poll: `Some`, `Ok` and `true` end the wait; everything else continues it.
pub trait Observation {
    /// The value that the wait returns.
    type Value;

    /// Returns the value, or a description of the result that was there instead.
    fn settle(self) -> Result<Self::Value, String>;
}

impl<T> Observation for Option<T> {
    type Value = T;

    fn settle(self) -> Result<T, String> {
        self.ok_or_else(|| "nothing".to_owned())
    }
}

impl<T, E: Debug> Observation for Result<T, E> {
    type Value = T;

    fn settle(self) -> Result<T, String> {
        self.map_err(|error| format!("{error:?}"))
    }
}

impl Observation for bool {
    type Value = ();

    fn settle(self) -> Result<(), String> {
        self.then_some(()).ok_or_else(|| "false".to_owned())
    }
}

/// Polls `look` until it succeeds.
///
/// # Panics
/// If `within` has passed: the message has `what` and the last result.
pub async fn eventually<F, O>(what: &str, within: Duration, look: F) -> O::Value
where
    F: AsyncFnMut() -> O,
    O: Observation,
{
    match try_eventually(what, within, look).await {
        Ok(value) => value,
        Err(error) => panic!("{error}"),
    }
}

/// Polls `look` until it succeeds; like [`eventually`], but returns an error where that panics, for code
/// that is no test.
pub async fn try_eventually<F, O>(what: &str, within: Duration, mut look: F) -> Result<O::Value>
where
    F: AsyncFnMut() -> O,
    O: Observation,
{
    let deadline = Instant::now() + within;
    let mut last = None;
    loop {
        // A poll that hangs must not outlive the deadline.
        let Ok(observation) = timeout_at(deadline, look()).await else {
            let last = last.map_or_else(String::new, |seen| format!("; before that: {seen}"));
            bail!("not within {within:?}: {what}; the last look did not return{last}");
        };
        match observation.settle() {
            Ok(value) => return Ok(value),
            Err(seen) => last = Some(seen),
        }
        if Instant::now() + INTERVAL >= deadline {
            bail!(
                "not within {within:?}: {what}; last seen: {}",
                last.unwrap_or_default()
            );
        }
        sleep(INTERVAL).await;
    }
}
