//! The verdict: compares each promise with the evidence.

mod groups;
mod operations;
mod state;
mod visitors;

use std::collections::BTreeMap;
use std::fmt;

use uuid::Uuid;

use crate::history::History;
use crate::model;
use crate::plain::{Standing, Stored};
use crate::resources::{self, Level};
use crate::tables::{Row, Shown};
use crate::visitor::View;

/// Number of examples of a problem that are shown.
const EXAMPLES: usize = 5;

/// All evidence, collected when the system is idle.
pub(crate) struct Evidence {
    pub(crate) history: History,
    /// The messages of the stream, and its identity.
    pub(crate) events: Vec<Stored>,
    pub(crate) stream: bus::History,
    pub(crate) dead_letters: Vec<Stored>,
    pub(crate) rows: BTreeMap<Uuid, Row>,
    pub(crate) audit: Vec<(u64, String, usize)>,
    /// Each list, as the API returns it.
    pub(crate) lists: BTreeMap<String, Vec<Shown>>,
    pub(crate) standings: [Standing; 2],
    pub(crate) views: Vec<View>,
    /// The services' resources, at the start and in the end.
    pub(crate) levels: (Level, Level),
    /// Members that are not ready, with their error.
    pub(crate) unready: Vec<String>,
    /// Members that did not stop cleanly when they were asked to.
    pub(crate) unclean: Vec<String>,
    /// Set when no event may have been delivered twice.
    pub(crate) once: bool,
}

/// A check of one promise.
#[derive(Clone, Debug)]
pub struct Check {
    /// The promise, in a few words.
    pub name: &'static str,
    /// A summary of the evidence.
    pub found: String,
    /// Each violation of the promise.
    pub problems: Vec<String>,
}

/// All checks of a run.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The seed of the schedule.
    pub seed: u64,
    /// The command that repeats the run.
    pub again: String,
    /// The checks, in the order in which they are shown.
    pub checks: Vec<Check>,
}

impl Check {
    pub(crate) fn new(name: &'static str, found: String, problems: Vec<String>) -> Self {
        Self {
            name,
            found,
            problems,
        }
    }

    /// Returns whether the promise was kept.
    pub fn passed(&self) -> bool {
        self.problems.is_empty()
    }
}

impl Verdict {
    /// Returns whether every promise was kept.
    pub fn passed(&self) -> bool {
        self.checks.iter().all(Check::passed)
    }

    /// Returns the names of the promises that were not kept.
    pub fn failed(&self) -> Vec<&'static str> {
        let failed = self.checks.iter().filter(|check| !check.passed());
        failed.map(|check| check.name).collect()
    }
}

/// Checks every promise.
pub(crate) fn judge(seed: u64, again: String, evidence: Evidence) -> Verdict {
    let model = model::play(&evidence.events, |sequence| {
        evidence.stream.identity(sequence).derive_id(sequence)
    });
    let traces = operations::Traces::find(&evidence.history, &evidence.events, &model);
    let (before, after) = &evidence.levels;
    let mut checks = vec![
        operations::accepted(&evidence.history, &traces, &evidence.rows),
        operations::refused(&evidence.history, &traces),
        operations::whole(&evidence.history, &traces, &evidence.rows),
        operations::keys(&evidence.history, &traces),
        operations::deleted(&evidence.history, &evidence.rows),
        operations::answers(&evidence.history),
        state::table(&model, &evidence.rows),
        state::lists(&evidence.rows, &evidence.lists),
        state::audit(&evidence.events, &evidence.audit),
        groups::quiet(&evidence.standings),
        groups::dead_letters(&model, &evidence.history, &traces, &evidence.dead_letters),
        state::announced(&evidence.rows, &evidence.events),
        visitors::up_to_date(&evidence.rows, &evidence.views),
        visitors::seen(&evidence.history, &evidence.rows, &evidence.views),
        Check::new("services are ready", String::new(), evidence.unready),
        Check::new("stops are clean", String::new(), evidence.unclean),
        Check::new(
            "nothing is left behind",
            format!(
                "{}; before: {}",
                resources::summary(after),
                resources::summary(before)
            ),
            resources::left_behind(before, after),
        ),
    ];
    if evidence.once {
        checks.push(groups::once(&evidence.standings));
    }
    Verdict {
        seed,
        again,
        checks,
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}", self.seed)?;
        for check in &self.checks {
            let word = if check.passed() { "ok" } else { "FAILED" };
            writeln!(f, "{word:<7} {:<28} {}", check.name, check.found)?;
            for problem in check.problems.iter().take(EXAMPLES) {
                writeln!(f, "          {problem}")?;
            }
            if check.problems.len() > EXAMPLES {
                writeln!(f, "          … {} in all", check.problems.len())?;
            }
        }
        if self.passed() {
            return Ok(());
        }
        writeln!(f, "again: {}", self.again)
    }
}
