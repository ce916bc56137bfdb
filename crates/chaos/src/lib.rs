//! Breaks the whole system under load, and judges what came of it.
//!
//! [`run`] starts the system with private servers, has clients use it, and does to it meanwhile what a
//! [`schedule`] says, which follows from a seed. When everything is whole again and quiet, a [`Verdict`]
//! compares what the clients were told with what there is.
//!
//! The judge trusts nothing that it judges: it reads the stream with a plain client, knows what events
//! mean from a model of its own (`model.rs`), and looks into the tables with `psql`. That it can find
//! faults is shown by programs that have one ([`Plant`], `bin/faulty.rs`).
//!
//! # Adding a fault
//!
//! Give it a variant in [`schedule::Harm`], say in `schedule.rs` whom it befalls and for how long, and
//! in `faults.rs` how it begins and ends.
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
