//! The page in a real browser, on the whole system.
//!
//! Screenshots for a person to look at are put under `target/screenshots`.
#![expect(
    clippy::unwrap_used,
    reason = "a test fails where its ground gives way"
)]

mod accepted;
mod access;
mod browser;
mod clocks;
mod contract;
mod docs;
mod editing;
mod live;
mod long;
mod moments;
mod older;
mod order;
mod plain;
mod portal;
mod returning;
mod sharing;
mod stage;
mod storm;
mod system;
mod tabs;
mod todomvc;
mod words;
