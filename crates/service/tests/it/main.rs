//! What every process does the same way, seen from outside.
#![expect(
    clippy::unwrap_used,
    reason = "a test fails where its ground gives way"
)]

mod observing;
mod problems;
mod process;
