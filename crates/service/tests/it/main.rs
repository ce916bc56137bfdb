//! Tests of the parts that every process has in common, from outside.
#![expect(
    clippy::unwrap_used,
    reason = "a test fails where its ground gives way"
)]

mod observing;
mod problems;
mod process;
