//! The bus against a real broker, each test with one of its own.
#![expect(
    clippy::unwrap_used,
    reason = "a test fails where its ground gives way"
)]

mod ask;
mod bookmark;
mod dead_letters;
mod deaths;
mod desk;
mod erase;
mod feed;
mod flood;
mod large;
mod ledger;
mod losses;
mod outages;
mod permissions;
mod publishing;
mod replies;
mod roll;
mod room;
mod servers;
mod settling;
mod sharing;
mod spans;
mod streams;
mod unreadable;
mod world;
