//! Breaks the whole system under load, and judges the outcome.
//!
//! [`run()`] starts the system with private servers, runs clients against it, and meanwhile carries out
//! the faults of a [`schedule`], which follows from a seed. When every fault is ended and the system is
//! idle, a [`Verdict`] compares the answers that the clients got with the final state.
//!
//! The judge trusts nothing that it judges: it reads the stream with a plain client, interprets the
//! events with a model of its own (`model.rs`), and reads the tables with `psql`. Programs that have a
//! fault ([`Plant`], `bin/faulty.rs`) show that it can find faults.
//!
//! # Adding a fault
//!
//! Give it a variant in [`schedule::FaultKind`], its targets and durations in `schedule.rs`, and its
//! beginning and end in `faults.rs`.
//!
//! # Adding a check
//!
//! Write a function in `verdict/` that returns a [`Check`], with tests on small invented histories, and
//! call it in `verdict.rs`.

mod client;
mod clients;
mod faults;
mod history;
mod model;
mod options;
mod plain;
mod plant;
mod resources;
mod run;
pub mod schedule;
mod tables;
mod verdict;
mod visitor;

pub use options::Options;
pub use plant::Plant;
pub use run::run;
pub use schedule::Kind;
pub use verdict::{Check, Verdict};
