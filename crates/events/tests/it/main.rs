//! Tests of the contract between the services.
#![expect(
    clippy::unwrap_used,
    reason = "a test fails where its ground gives way"
)]

mod book;
mod clocks;
mod fuzz;
mod reading;
mod texts;
mod trace;
mod values;
mod wire;
