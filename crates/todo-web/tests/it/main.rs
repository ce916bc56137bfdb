//! The web page, asked without a socket, on a real broker and a real database.

#![expect(
    clippy::unwrap_used,
    reason = "what a test cannot set up makes it fail"
)]

mod actions;
mod app;
mod assets;
mod home;
mod item;
mod list;
mod lists;
mod live;
mod new;
mod outages;
mod refusals;
mod small_print;
mod system;
mod verdict;
