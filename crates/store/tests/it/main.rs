//! The store against a real database; each test has one of its own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod audit;
mod erase;
mod fitness;
mod fixture;
mod history;
mod lists;
mod merge;
mod migrate;
mod model;
mod names;
mod outage;
mod pages;
mod pool;
mod pooler;
mod retention;
mod roles;
mod save;
mod tls;
