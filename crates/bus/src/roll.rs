//! Roll calls: every member of every service says that it is there, and what it has done.
//!
//! A member answers by itself, from [`Bus::connect`](crate::Bus::connect) on, in the way that NATS
//! describes for services (ADR-32: `$SRV.PING`, `$SRV.INFO` and `$SRV.STATS`), so that any tool
//! that knows it can look. Its groups and what it answers on
//! ([`Bus::answer`](crate::Bus::answer)) are its endpoints.
//!
//! The client library has a module for such services. It counts what is asked and not what a group
//! handles, gives each process an identity by chance, and falls silent after an answer that it could
//! not send.
//!
//! [`Bus::roll_call`](crate::Bus::roll_call) asks all of them at once and gathers what comes.

mod call;
mod document;
mod endpoint;
mod presence;
mod regulars;

pub use call::{Missing, RollCallError, Roster};
pub(crate) use endpoint::{Busy, Endpoint};
pub(crate) use presence::{Presence, Shown};
pub use regulars::Regulars;

use std::time::Duration;

use time::OffsetDateTime;

/// Where answers to roll calls go. Members may publish there and nowhere else at others' inboxes, so
/// that none can answer for the broker.
const REPLIES: &str = "_INBOX.roll";

/// A member that answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Present {
    /// Its service.
    pub service: String,
    /// Which member it is.
    pub member: String,
    /// The version of its program.
    pub version: String,
    /// When it connected for the first time since its start.
    pub started: OffsetDateTime,
    /// What it does, each with what came of it so far.
    pub work: Vec<Work>,
}

/// What a member has done of one kind: the events of a group, the questions on a subject, or what it
/// published.
#[derive(Clone, Debug, PartialEq)]
pub struct Work {
    /// The group's name, the name of what it answers, or `publish`.
    pub name: String,
    /// On which subject it comes.
    pub subject: String,
    /// How many were handled.
    pub handled: u64,
    /// How often one failed that was to come again.
    pub retried: u64,
    /// How many failed for good: events that became dead letters, questions that were refused; or how
    /// often publishing failed.
    pub failed: u64,
    /// How many are in work now.
    pub in_flight: u64,
    /// How long one took on average. What is handled as a batch shares its time.
    pub average: Duration,
    /// What went wrong last.
    pub last_error: Option<LastError>,
    /// Why nothing is handled at the moment, if an outage of something that the work needs is waited for.
    pub away: Option<String>,
}

impl Work {
    /// Whether this is what the member published, and not what it handled.
    pub fn is_publishing(&self) -> bool {
        self.name == presence::PUBLISH
    }
}

/// What went wrong last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastError {
    /// The error and its causes.
    pub text: String,
    /// When, if the member says so.
    pub at: Option<OffsetDateTime>,
}
