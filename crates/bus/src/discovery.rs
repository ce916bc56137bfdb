//! Service discovery: every member of every service says that it is there, and what it has done.
//!
//! A member answers by itself, from [`Bus::connect`](crate::Bus::connect) on, in the protocol that NATS
//! has for services (ADR-32: `$SRV.PING`, `$SRV.INFO` and `$SRV.STATS`), so that any tool that knows it
//! can look. Its groups and the requests that it answers ([`Bus::answer`](crate::Bus::answer)) are its
//! endpoints.
//!
//! The client library has a module for such services. It counts requests and not the events that a group
//! handles, gives each process a random identity, and answers nothing any more after a response that it
//! could not send.
//!
//! [`Bus::discover`](crate::Bus::discover) asks all members at once and gathers the responses.

mod call;
mod document;
mod endpoint;
mod presence;
mod regulars;

pub use call::{DiscoverError, ExpectedMembers, Missing};
pub(crate) use endpoint::{Busy, Endpoint};
pub(crate) use presence::{Responder, ResponderGuard};
pub use regulars::RecentMembers;

use std::time::Duration;

use time::OffsetDateTime;

/// Prefix of the reply subjects of service discovery. Members may publish there and at no other inbox
/// that is not their own, so that none can answer for the broker.
const REPLIES: &str = "_INBOX.roll";

/// A member that answered.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberInfo {
    /// Its service.
    pub service: String,
    /// Its name within the service.
    pub member: String,
    /// The version of its program.
    pub version: String,
    /// Time of its first connection since its start.
    pub started: OffsetDateTime,
    /// Its endpoints, each with the statistics so far.
    pub work: Vec<Work>,
}

/// Statistics of one endpoint of a member: the events of a group, the requests on a subject, or the
/// events that it published.
#[derive(Clone, Debug, PartialEq)]
pub struct Work {
    /// The group's name, the name of the requests, or `publish`.
    pub name: String,
    /// The subject of the events or requests.
    pub subject: String,
    /// Number of those handled.
    pub handled: u64,
    /// Number of failures after which one was to be redelivered.
    pub retried: u64,
    /// Number of final failures: events that became dead letters, requests that were refused; or of
    /// failures to publish.
    pub failed: u64,
    /// Number of those in work now.
    pub in_flight: u64,
    /// Average time that one took. Those that are handled as a batch share its time.
    pub average: Duration,
    /// The last error.
    pub last_error: Option<LastError>,
    /// The reason why nothing is handled at the moment, during an outage of something that the work
    /// needs.
    pub away: Option<String>,
}

impl Work {
    /// Returns whether these are statistics of what the member published, and not of what it handled.
    pub fn is_publishing(&self) -> bool {
        self.name == presence::PUBLISH
    }
}

/// The last error of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastError {
    /// The error and its causes.
    pub text: String,
    /// Its time, if the member reports it.
    pub at: Option<OffsetDateTime>,
}
