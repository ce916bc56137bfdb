//! The faults of a run: targets and times. They follow from the seed and from nothing else.

use std::fmt;
use std::time::Duration;

use clap::ValueEnum;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

/// A kind of fault that can be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
pub enum Kind {
    /// A member is paused for longer than the ack wait, and resumed
    Pause,
    /// A member is killed, and started again
    Kill,
    /// A member is asked to stop, and started again
    Terminate,
    /// A saver is added, and stopped again
    Members,
    /// The broker is killed, stopped or frozen, and recovers
    Broker,
    /// The database is killed, stopped or frozen, and recovers
    Database,
    /// Both servers are killed or stopped at once, and recover
    Both,
    /// A link between the services and a server is cut, passes nothing, or is slow
    Links,
}

/// The process or link that a fault affects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// A member that runs from the start: the service, and the number of the member, from 1.
    Member(&'static str, usize),
    /// A saver that joins during the run.
    Extra,
    /// The broker.
    Broker,
    /// The database.
    Database,
    /// The link to the broker.
    BrokerLink,
    /// The web service's own link to the broker, through which it receives saved states.
    WebLink,
    /// The link to the database.
    DatabaseLink,
}

/// Kind of damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The process is killed; it is started again.
    Kill,
    /// The process is asked to stop; it is started again.
    Stop,
    /// The process is frozen and keeps its connections; it is resumed.
    Freeze,
    /// A member joins; it is stopped.
    Join,
    /// All connections are closed and new ones refused; they are accepted again.
    Cut,
    /// Connections stay open and nothing passes; then all of it arrives late.
    Stall,
    /// Everything passes with this delay.
    Slow(Duration),
}

/// A fault, with its time, duration, target and damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Time from the start of the load to the beginning.
    pub at: Duration,
    /// Time from the beginning to the end.
    pub lasts: Duration,
    /// The target.
    pub target: Target,
    /// The damage.
    pub harm: FaultKind,
}

/// The members that run from the start. Most faults are meant for savers, the first two.
pub(crate) const MEMBERS: [Target; 7] = [
    Target::Member("save-handler", 1),
    Target::Member("save-handler", 2),
    Target::Member("audit-handler", 1),
    Target::Member("todo-api", 1),
    Target::Member("todo-api", 2),
    Target::Member("todo-web", 1),
    Target::Member("todo-web", 2),
];

/// The links between the services and their servers.
const LINKS: [Target; 3] = [Target::BrokerLink, Target::WebLink, Target::DatabaseLink];

/// Time of the first fault: the clients have something to lose by then.
const FIRST: Duration = Duration::from_secs(1);

/// The pauses between the starts of two faults (ms), shorter than most faults last.
const GAPS_MS: std::ops::Range<u64> = 300..2_000;

/// Returns the faults of a run of this length. All of them have ended when it ends, and no two affect
/// the same target at a time. A run of at least 30 s has every kind.
pub fn plan(seed: u64, length: Duration, kinds: &[Kind]) -> Vec<Fault> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut kinds = kinds.to_vec();
    // The first round begins with those that take longest, so that they fit.
    kinds.sort_unstable();
    let mut round = kinds.iter().rev().copied().collect::<Vec<_>>();
    let mut plan: Vec<Fault> = Vec::new();
    let mut at = FIRST;
    while at < length && !kinds.is_empty() {
        if round.is_empty() {
            round.clone_from(&kinds);
            round.shuffle(&mut rng);
        }
        let kind = round.pop();
        let faults = kind.map_or_else(Vec::new, |kind| kind.draw(at, &mut rng));
        let fits =
            |fault: &Fault| fault.end() <= length && plan.iter().all(|other| !fault.meets(other));
        if faults.iter().all(fits) {
            plan.extend(faults);
        }
        at += Duration::from_millis(rng.random_range(GAPS_MS));
    }
    plan
}

/// Returns one outage of the database.
pub fn outage(lasts: Duration) -> Vec<Fault> {
    vec![Fault {
        at: FIRST * 2,
        lasts,
        target: Target::Database,
        harm: FaultKind::Stop,
    }]
}

impl Kind {
    /// Returns random faults of this kind, which begin together. Durations in milliseconds.
    fn draw(self, at: Duration, rng: &mut StdRng) -> Vec<Fault> {
        let servers: &[Target] = match self {
            Self::Broker => &[Target::Broker],
            Self::Database => &[Target::Database],
            _ => &[Target::Broker, Target::Database],
        };
        let (targets, harm, lasts) = match self {
            // Longer than the ack wait, which is 10 s.
            Self::Pause => (vec![member(rng)], FaultKind::Freeze, 11_000..13_000),
            Self::Kill => (vec![member(rng)], FaultKind::Kill, 200..3_000),
            Self::Terminate => (vec![member(rng)], FaultKind::Stop, 1_500..4_000),
            Self::Members => (vec![Target::Extra], FaultKind::Join, 2_000..5_000),
            Self::Broker | Self::Database => {
                let harm = one_of(&[FaultKind::Kill, FaultKind::Stop, FaultKind::Freeze], rng);
                (servers.to_vec(), harm, 500..4_000)
            }
            Self::Both => {
                let harm = one_of(&[FaultKind::Kill, FaultKind::Stop], rng);
                (servers.to_vec(), harm, 500..3_000)
            }
            Self::Links => {
                let slow = FaultKind::Slow(Duration::from_millis(rng.random_range(20..200)));
                let link = one_of(&LINKS, rng);
                let harm = one_of(&[FaultKind::Cut, FaultKind::Stall, slow], rng);
                (vec![link], harm, 300..5_000)
            }
        };
        let lasts = Duration::from_millis(rng.random_range(lasts));
        let fault = |target| Fault {
            at,
            lasts,
            target,
            harm,
        };
        targets.into_iter().map(fault).collect()
    }
}

/// Returns a random member: a saver as often as one of the others.
fn member(rng: &mut StdRng) -> Target {
    let (savers, others) = MEMBERS.split_at(2);
    one_of(if rng.random() { savers } else { others }, rng)
}

fn one_of<T: Copy>(choices: &[T], rng: &mut StdRng) -> T {
    choices[rng.random_range(0..choices.len())]
}

impl Target {
    /// Returns the time without faults that follows one on this target. Servers and links get longer, so
    /// that all services can work in between.
    fn rest(self) -> Duration {
        match self {
            Self::Member(..) | Self::Extra => Duration::from_millis(500),
            _ => Duration::from_secs(2),
        }
    }
}

impl Fault {
    /// Returns the time from the start of the load to the fault's end.
    pub fn end(&self) -> Duration {
        self.at + self.lasts
    }

    /// Returns whether both affect one target with less than its rest between them.
    fn meets(&self, other: &Self) -> bool {
        let rest = self.target.rest();
        self.target == other.target && self.at < other.end() + rest && other.at < self.end() + rest
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Member(service, number) => write!(f, "{service}-{number}"),
            Self::Extra => f.write_str("one more save-handler"),
            Self::Broker => f.write_str("the broker"),
            Self::Database => f.write_str("the database"),
            Self::BrokerLink => f.write_str("the link to the broker"),
            Self::WebLink => f.write_str("the page's link to the broker"),
            Self::DatabaseLink => f.write_str("the link to the database"),
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kill => f.write_str("is killed"),
            Self::Stop => f.write_str("is asked to stop"),
            Self::Freeze => f.write_str("stands still"),
            Self::Join => f.write_str("joins"),
            Self::Cut => f.write_str("is cut"),
            Self::Stall => f.write_str("passes nothing"),
            Self::Slow(delay) => write!(f, "holds back for {} ms", delay.as_millis()),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (at, lasts) = (self.at.as_secs_f32(), self.lasts.as_secs_f32());
        write!(
            f,
            "{at:>6.1} s  {} {}, for {lasts:.1} s",
            self.target, self.harm
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::btree_set;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    proptest! {
        #[test]
        fn a_schedule_follows_from_its_seed_and_is_over_in_time(
            seed in any::<u64>(),
            seconds in 5..100_u64,
            kinds in btree_set(select(Kind::value_variants()), 0..8),
        ) {
            let (length, kinds) = (Duration::from_secs(seconds), Vec::from_iter(kinds));
            let faults = plan(seed, length, &kinds);
            prop_assert_eq!(&faults, &plan(seed, length, &kinds));
            prop_assert!(faults.iter().all(|fault| fault.end() <= length));
            prop_assert!(faults.iter().all(|fault| kinds.iter().any(|kind| kind.has(fault))));
            if seconds >= 30 {
                prop_assert!(kinds.iter().all(|kind| faults.iter().any(|fault| kind.has(fault))));
            }
            for (number, fault) in faults.iter().enumerate() {
                let met = faults[..number].iter().any(|other| fault.meets(other));
                prop_assert!(!met, "{fault} meets another one");
            }
        }
    }

    impl Kind {
        fn has(self, fault: &Fault) -> bool {
            let member = matches!(fault.target, Target::Member(..));
            let server = matches!(fault.target, Target::Broker | Target::Database);
            match self {
                Self::Pause => member && fault.harm == FaultKind::Freeze,
                Self::Kill => member && fault.harm == FaultKind::Kill,
                Self::Terminate => member && fault.harm == FaultKind::Stop,
                Self::Members => fault.target == Target::Extra,
                Self::Broker => fault.target == Target::Broker,
                Self::Database => fault.target == Target::Database,
                Self::Both => server && fault.harm != FaultKind::Freeze,
                Self::Links => LINKS.contains(&fault.target),
            }
        }
    }
}
