//! Tests of the whole system, as its users run it.
#![expect(
    clippy::unwrap_used,
    reason = "a test fails where its ground gives way"
)]

mod asyncapi;
mod bad_input;
mod batch;
mod chaos;
mod checkouts;
mod clocks;
mod collector;
mod database;
mod dead_letters;
mod disk;
mod erase;
mod generated;
mod guide;
mod idempotent;
mod journey;
mod live;
mod manual;
mod night;
mod outages;
mod requests;
mod routed;
mod schemathesis;
mod status;
mod system_page;
mod tidy;
mod todo_backend;
mod traces;
mod unreadable;
mod user;
mod waiting;
