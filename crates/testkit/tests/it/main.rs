//! Tests of the kit itself: each server and each way of breaking it, for real.

#![expect(
    clippy::unwrap_used,
    reason = "what a test cannot set up makes it fail"
)]

mod broker;
mod database;
mod eventually;
mod http;
mod link;
mod postgres;
mod process;
