//! Options of a run: duration, amount of load, and seed.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use rand::RngExt;

use crate::{Kind, Plant};

/// Options of a run. The default is that of `cargo xtask chaos` without arguments.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Repeats the schedule of an earlier run [default: a new one]
    #[arg(long)]
    pub seed: Option<u64>,

    /// Duration of the load, in seconds
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(5..))]
    pub seconds: u64,

    /// Duration of the load in minutes, for a soak
    #[arg(long, conflicts_with = "seconds")]
    pub minutes: Option<u64>,

    /// Only these kinds of faults, for example `kill,broker`
    #[arg(long, value_delimiter = ',')]
    pub only: Vec<Kind>,

    /// No schedule, but one outage of the database for this many seconds, during which no event may be
    /// delivered a second time
    #[arg(long, value_name = "SECONDS", conflicts_with = "only")]
    pub outage: Option<u64>,

    /// Number of clients that use the system
    #[arg(long, default_value_t = 8)]
    pub clients: usize,

    /// Time within which the system must be idle after the load, in seconds
    #[arg(long, default_value_t = 90)]
    pub patience: u64,

    /// Plants a fault into a service, which the judge then has to find
    #[arg(long, value_enum)]
    pub plant: Option<Plant>,

    /// Writes the members' logs into this file, with a line for every event
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,

    /// Directory of the services' programs [default: beside this one]
    #[arg(long, value_name = "DIR")]
    pub bin_dir: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: None,
            seconds: 60,
            minutes: None,
            only: Vec::new(),
            outage: None,
            clients: 8,
            patience: 90,
            plant: None,
            log: None,
            bin_dir: None,
        }
    }
}

impl Options {
    /// Returns the seed that was given, or a random one.
    pub(crate) fn seed(&self) -> u64 {
        self.seed
            .unwrap_or_else(|| rand::rng().random_range(0..1_000_000))
    }

    /// Returns the command that repeats the run.
    pub(crate) fn again(&self, seed: u64) -> String {
        let mut command = format!("cargo xtask chaos --seed {seed} --clients {}", self.clients);
        let mut add = |option: &str, value: Option<String>| {
            command.extend(value.map(|value| format!(" --{option} {value}")));
        };
        let names = |kind: &Kind| Some(kind.to_possible_value()?.get_name().to_owned());
        let only: Vec<_> = self.only.iter().filter_map(names).collect();
        match (self.outage, self.minutes) {
            (Some(outage), _) => add("outage", Some(outage.to_string())),
            (None, Some(minutes)) => add("minutes", Some(minutes.to_string())),
            (None, None) => add("seconds", Some(self.seconds.to_string())),
        }
        add("only", (!only.is_empty()).then(|| only.join(",")));
        add("plant", self.plant.map(Plant::name));
        command
    }

    /// Returns the duration of the load, which is long enough for the outage, if there is one.
    pub(crate) fn length(&self) -> Duration {
        let seconds = self.minutes.map_or(self.seconds, |minutes| minutes * 60);
        Duration::from_secs(seconds.max(self.outage.map_or(0, |outage| outage + 4)))
    }

    /// Returns the time within which the system must be idle.
    pub(crate) fn patience(&self) -> Duration {
        Duration::from_secs(self.patience)
    }
}
