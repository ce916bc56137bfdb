//! The API, asked without a socket, on a real broker and a real database.

#![expect(
    clippy::unwrap_used,
    reason = "what a test cannot set up makes it fail"
)]

mod add;
mod app;
mod batch;
mod change;
mod condition;
mod contract;
mod cors;
mod delete;
mod documented;
mod hung_up;
mod idempotent;
mod list;
mod openapi;
mod outages;
mod pace;
mod problems;
mod questions;
mod show;
mod small_print;
mod texts;
mod todos;
mod tokens;
mod wait;
mod watch;
