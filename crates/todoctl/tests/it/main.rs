//! Tests of the command line as a process, against a real broker.
#![expect(
    clippy::unwrap_used,
    reason = "a test fails where its ground gives way"
)]

mod add;
mod broker;
mod dead;
mod forget;
mod items;
mod pubsub;
mod status;
mod world;
