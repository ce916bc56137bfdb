//! Starting again what ends by itself, as the restart policy of the compose files does.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use testkit::System;
use testkit::system::Exit;
use tokio::time::{Instant, sleep_until};

use super::print::Printer;
use super::run_file;

/// The first wait; each further one is twice as long.
const SHORTEST: Duration = Duration::from_millis(250);

/// The longest wait.
const LONGEST: Duration = Duration::from_secs(30);

/// What has run for so long starts with the shortest wait again.
const STEADY: Duration = Duration::from_mins(1);

/// What is known of something that has ended at least once.
struct Trouble {
    wait: Duration,
    started: Instant,
    /// When to start it again; nothing while it runs.
    due: Option<Instant>,
}

/// Keeps everything up until it is cancelled; fails only when it cannot watch any more.
pub(super) async fn keep_up(system: &mut System, printer: &Printer) -> Result<()> {
    let mut troubles: BTreeMap<String, Trouble> = BTreeMap::new();
    loop {
        let next = troubles.values().filter_map(|trouble| trouble.due).min();
        tokio::select! {
            exit = system.next_exit() => note(&mut troubles, &exit?, printer),
            () = until(next) => start_due(&mut troubles, system, printer).await,
        }
        run_file::write(system)?; // The process ids have changed.
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

fn note(troubles: &mut BTreeMap<String, Trouble>, exit: &Exit, printer: &Printer) {
    let now = Instant::now();
    let trouble = troubles.entry(exit.name.clone()).or_insert(Trouble {
        wait: SHORTEST,
        started: now - STEADY,
        due: None,
    });
    let steady = now - trouble.started >= STEADY;
    trouble.wait = if steady {
        SHORTEST
    } else {
        (trouble.wait * 2).min(LONGEST)
    };
    trouble.due = Some(now + trouble.wait);
    let Exit { name, status } = exit;
    printer.step(&format!(
        "{name} ended with {status}; starting it again in {:?}",
        trouble.wait
    ));
}

async fn start_due(
    troubles: &mut BTreeMap<String, Trouble>,
    system: &mut System,
    printer: &Printer,
) {
    let now = Instant::now();
    for (name, trouble) in troubles {
        if trouble.due.is_none_or(|due| due > now) {
            continue;
        }
        trouble.started = now;
        trouble.due = None;
        match system.relaunch(name).await {
            Ok(()) => printer.step(&format!("{name} runs again")),
            Err(error) => {
                trouble.wait = (trouble.wait * 2).min(LONGEST);
                trouble.due = Some(Instant::now() + trouble.wait);
                printer.step(&format!("cannot start {name} again yet: {error:#}"));
            }
        }
    }
}
