//! Options: the figures to measure, and the sizes.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

/// The figures, as the design numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "verbatim")]
pub(crate) enum Figure {
    /// Accepted requests per second
    B1,
    /// Their 99th percentile, at 70 % of that rate
    B2,
    /// Events per second that one saver drains from a backlog
    B3,
    /// Events per second that three savers drain
    B4,
    /// Time from a request to the event that it is saved
    B5,
    /// Resident memory
    B6,
    /// Time from the start of a process until it is ready
    B7,
    /// The list page
    B8,
    /// Latency of changes to many browsers
    B9,
    /// Recovery from an outage of the database
    B10,
}

/// Options of a run.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Measure only these, for example `B1,B3`
    #[arg(long, value_delimiter = ',', ignore_case = true)]
    only: Vec<Figure>,

    /// Small sizes, one round and no verdict: shows that everything works
    #[arg(long)]
    quick: bool,

    /// Rounds of each measurement, in turn with its references; medians count, for rates that of the
    /// rounds' ratios. On a machine with other work, more are steadier
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..))]
    rounds: u8,

    /// Directory of the services' programs [default: beside this one]
    #[arg(long, value_name = "DIR")]
    pub(crate) bin_dir: Option<PathBuf>,

    /// Directory for the files of the broker and the database; the disk counts [default: the directory
    /// for temporary files]
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

/// Sizes and durations of all measurements.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    /// Rounds of each measurement.
    pub(crate) rounds: usize,
    /// Duration of a load's warm-up, which is not counted.
    pub(crate) warm: Duration,
    /// Duration of the part of a load that is counted.
    pub(crate) load: Duration,
    /// Number of events in a backlog.
    pub(crate) backlog: u64,
    /// Number of events in the backlog for the saver that takes them one by one; its rate does not
    /// depend on the size.
    pub(crate) naive_backlog: u64,
    /// Duration of the load at a steady rate, in B5 and B9.
    pub(crate) live: Duration,
    /// Time without load before a service's idle memory is measured.
    pub(crate) idle: Duration,
    /// Number of starts of each service.
    pub(crate) starts: usize,
    /// Number of requests of each page.
    pub(crate) pages: usize,
    /// Number of browsers.
    pub(crate) browsers: usize,
    /// Duration of the database's outage.
    pub(crate) outage: Duration,
}

impl Options {
    /// Returns whether a figure was asked for.
    pub(crate) fn wants(&self, figure: Figure) -> bool {
        self.only.is_empty() || self.only.contains(&figure)
    }

    /// Returns whether any of these was asked for.
    pub(crate) fn want_any(&self, figures: &[Figure]) -> bool {
        figures.iter().any(|figure| self.wants(*figure))
    }

    /// Returns whether the figures are worth a verdict.
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
