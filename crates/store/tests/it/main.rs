//! The store against a real database; each test has one of its own.

mod audit;
mod fixture;
mod merge;
mod migrate;
mod model;
mod outage;
mod pages;
mod pool;
mod save;
