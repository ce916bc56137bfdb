//! What to measure, and how much of it.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

/// The figures, as the design numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "verbatim")]
pub(crate) enum Figure {
    /// Accepted requests per second
    B1,
    /// How long the slowest of them take, at 70 % of that
    B2,
    /// How fast one saver drains a backlog
    B3,
    /// How fast three do
    B4,
    /// From a request to the news that it is saved
    B5,
    /// Resident memory
    B6,
    /// From the start of a process to its being ready
    B7,
    /// The list page
    B8,
    /// Browsers that watch
    B9,
    /// A database that was away
    B10,
}

/// What to measure, and where.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Measure only these, for example `B1,B3`
    #[arg(long, value_delimiter = ',', ignore_case = true)]
    only: Vec<Figure>,

    /// Small sizes, one round and no verdict: shows that everything works
    #[arg(long)]
    quick: bool,

    /// How often each is measured, in turn with its references; medians count, for rates that of the
    /// rounds' ratios. On a machine with other work, more are steadier
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..))]
    rounds: u8,

    /// Where the services' programs are [default: beside this one]
    #[arg(long, value_name = "DIR")]
    pub(crate) bin_dir: Option<PathBuf>,

    /// Where the broker and the database keep their files meanwhile; the disk counts [default: the
    /// directory for temporary files]
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

/// How much of everything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    /// How often each is measured.
    pub(crate) rounds: usize,
    /// How long a load runs before it counts.
    pub(crate) warm: Duration,
    /// How long it counts.
    pub(crate) load: Duration,
    /// The events in a backlog.
    pub(crate) backlog: u64,
    /// The same for the saver that takes them one by one; its rate does not depend on how many
    /// there are.
    pub(crate) naive_backlog: u64,
    /// How long requests come one by one.
    pub(crate) live: Duration,
    /// How long a service is left alone before its idle memory counts.
    pub(crate) idle: Duration,
    /// How often each service is started.
    pub(crate) starts: usize,
    /// How often each page is asked for.
    pub(crate) pages: usize,
    /// How many browsers watch.
    pub(crate) browsers: usize,
    /// How long the database is away.
    pub(crate) outage: Duration,
}

impl Options {
    /// Whether a figure was asked for.
    pub(crate) fn wants(&self, figure: Figure) -> bool {
        self.only.is_empty() || self.only.contains(&figure)
    }

    /// Whether any of these was asked for.
    pub(crate) fn want_any(&self, figures: &[Figure]) -> bool {
        figures.iter().any(|figure| self.wants(*figure))
    }

    /// Whether the figures are worth a verdict.
    pub(crate) fn judges(&self) -> bool {
        !self.quick
    }

    pub(crate) fn sizes(&self) -> Sizes {
        if self.quick {
            return Sizes {
                rounds: 1,
                warm: Duration::from_millis(50),
                load: Duration::from_millis(300),
                backlog: 3_000,
                naive_backlog: 300,
                live: Duration::from_secs(1),
                idle: Duration::from_millis(200),
                starts: 1,
                pages: 50,
                browsers: 200,
                outage: Duration::from_secs(2),
            };
        }
        Sizes {
            rounds: self.rounds.into(),
            warm: Duration::from_millis(500),
            load: Duration::from_secs(3),
            backlog: 200_000,
            naive_backlog: 12_000,
            live: Duration::from_secs(8),
            idle: Duration::from_secs(3),
            starts: 7,
            pages: 1_000,
            browsers: 10_000,
            outage: Duration::from_mins(2),
        }
    }
}
