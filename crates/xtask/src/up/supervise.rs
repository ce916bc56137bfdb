//! Restarts processes that end by themselves, as the restart policy of the compose files does.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use testkit::System;
use testkit::system::Exit;
use tokio::time::{Instant, sleep_until};

use super::control::Control;
use super::print::Printer;
use super::{operate, run_file};

/// The first delay before a restart; each further one is twice as long.
const INITIAL_BACKOFF: Duration = Duration::from_millis(250);

/// The longest delay.
const MAX_BACKOFF: Duration = Duration::from_secs(30);

/// Running time after which the delay starts with the shortest one again.
const STEADY: Duration = Duration::from_mins(1);

/// State of a process that has ended at least once.
struct RestartBackoff {
    wait: Duration,
    started: Instant,
    /// The time of the next restart; `None` while it runs.
    due: Option<Instant>,
}

/// The processes that have ended and are restarted, by name.
#[derive(Default)]
pub(super) struct RestartBackoffs(BTreeMap<String, RestartBackoff>);

impl RestartBackoffs {
    /// Records that a process has ended, and returns the delay before its restart.
    pub(super) fn note(&mut self, name: &str) -> Duration {
        let now = Instant::now();
        let trouble = self.0.entry(name.to_owned()).or_insert(RestartBackoff {
            wait: INITIAL_BACKOFF,
            started: now - STEADY,
            due: None,
        });
        let steady = now - trouble.started >= STEADY;
        trouble.wait = if steady {
            INITIAL_BACKOFF
        } else {
            (trouble.wait * 2).min(MAX_BACKOFF)
        };
        trouble.due = Some(now + trouble.wait);
        trouble.wait
    }

    /// Forgets a process, and returns whether it was about to be restarted.
    pub(super) fn forget(&mut self, name: &str) -> bool {
        let trouble = self.0.remove(name);
        trouble.is_some_and(|trouble| trouble.due.is_some())
    }

    /// Returns the time of the next restart.
    pub(super) fn next(&self) -> Option<Instant> {
        self.0.values().filter_map(|trouble| trouble.due).min()
    }
}

/// Keeps everything running until it is cancelled, and carries out commands; fails only when it cannot
/// watch the processes any more.
pub(super) async fn keep_up(
    system: &mut System,
    control: &mut Control,
    printer: &Printer,
) -> Result<()> {
    let mut troubles = RestartBackoffs::default();
    loop {
        let mut fulfilled = None;
        tokio::select! {
            exit = system.next_exit() => {
                let Exit { name, status } = exit?;
                let wait = troubles.note(&name);
                printer.step(&format!(
                    "{name} ended with {status}; starting it again in {wait:?}"
                ));
            }
            () = until(troubles.next()) => start_due(&mut troubles, system, printer).await,
            heard = control.next() => {
                let done = operate::fulfil(system, &mut troubles, &heard.wish).await;
                for line in done.iter().flatten() {
                    printer.step(line);
                }
                fulfilled = Some((heard, done));
            }
        }
        run_file::write(system)?; // The process ids have changed.
        if let Some((heard, done)) = fulfilled {
            heard.answer(done);
        }
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

async fn start_due(troubles: &mut RestartBackoffs, system: &mut System, printer: &Printer) {
    let now = Instant::now();
    for (name, trouble) in &mut troubles.0 {
        if trouble.due.is_none_or(|due| due > now) {
            continue;
        }
        trouble.started = now;
        trouble.due = None;
        match system.relaunch(name).await {
            Ok(()) => printer.step(&format!("{name} runs again")),
            Err(error) => {
                trouble.wait = (trouble.wait * 2).min(MAX_BACKOFF);
                trouble.due = Some(Instant::now() + trouble.wait);
                printer.step(&format!("cannot start {name} again yet: {error:#}"));
            }
        }
    }
}
