//! A snapshot of the whole system.

use std::time::Duration;

use time::OffsetDateTime;
use tokio::time::Instant;

/// A picture of the system. Unknown values are `None`.
#[derive(Clone, Debug)]
pub(crate) struct Picture {
    /// The time at which it was taken, for this process and for people.
    pub(crate) taken: Instant,
    pub(crate) at: OffsetDateTime,
    /// True if the broker, and the database, can be reached from here.
    pub(crate) broker: bool,
    pub(crate) database: bool,
    pub(crate) stream: Option<Stream>,
    /// Every service that is no group: those that publish first.
    pub(crate) services: Vec<Service>,
    pub(crate) groups: Vec<Group>,
}

/// The stream of events.
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    pub(crate) events: u64,
    pub(crate) bytes: u64,
    pub(crate) limit: u64,
    /// Of all groups.
    pub(crate) dead_letters: u64,
    /// Events per second that are published.
    pub(crate) rate: Option<f64>,
}

/// A service and its members.
#[derive(Clone, Debug, Default)]
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) members: Vec<Member>,
    /// True if it publishes events.
    pub(crate) publishes: bool,
}

/// A service that consumes events of the stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Group {
    pub(crate) service: Service,
    pub(crate) backlog: Option<Backlog>,
    pub(crate) dead_letters: u64,
    /// The number of unsettled events in the past, with its age, the oldest first.
    pub(crate) history: Vec<(Duration, u64)>,
}

/// The events that a group has not settled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Backlog {
    /// Not delivered to a member yet.
    pub(crate) waiting: u64,
    /// Delivered and not acknowledged yet.
    pub(crate) in_hand: u64,
    /// The age of the oldest of them.
    pub(crate) oldest: Option<Duration>,
}

impl Backlog {
    /// All of it.
    pub(crate) fn unsettled(self) -> u64 {
        self.waiting.saturating_add(self.in_hand)
    }
}

/// A member: of one that does not answer, nothing but the name is known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) answers: bool,
    /// True if it has events in flight that it cannot handle while the database is unavailable.
    pub(crate) waits: bool,
    pub(crate) since: Option<OffsetDateTime>,
    /// Events or requests.
    pub(crate) handled: Done,
    pub(crate) published: Done,
    /// The number in flight now.
    pub(crate) in_flight: u64,
}

/// A count since the member's start, and its present rate.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Done {
    pub(crate) total: u64,
    /// Per second.
    pub(crate) rate: Option<f64>,
}

impl Service {
    /// The rate per second at which all members together handle.
    pub(crate) fn handling(&self) -> Option<f64> {
        sum(self.members.iter().map(|member| member.handled.rate))
    }

    /// The rate per second at which all members together publish.
    pub(crate) fn publishing(&self) -> Option<f64> {
        sum(self.members.iter().map(|member| member.published.rate))
    }

    /// The number of members that answered.
    pub(crate) fn answering(&self) -> usize {
        self.members.iter().filter(|member| member.answers).count()
    }
}

impl Group {
    /// Returns whether a member works on the delivered events. Otherwise they count as waiting.
    pub(crate) fn is_at_work(&self) -> bool {
        let mut members = self.service.members.iter();
        members.any(|member| member.answers && !member.waits)
    }
}

impl Picture {
    /// The members that answered lately and do not now.
    pub(crate) fn missing(&self) -> impl Iterator<Item = &Member> {
        self.everybody()
            .flat_map(|service| &service.members)
            .filter(|member| !member.answers)
    }

    /// Every service, the groups last.
    pub(crate) fn everybody(&self) -> impl Iterator<Item = &Service> {
        let groups = self.groups.iter().map(|group| &group.service);
        self.services.iter().chain(groups)
    }

    /// The rate per second at which the publishers publish.
    pub(crate) fn publishing(&self) -> Option<f64> {
        sum(self.services.iter().map(Service::publishing))
    }

    /// The rate per second at which the groups handle events.
    pub(crate) fn handling(&self) -> Option<f64> {
        sum(self.groups.iter().map(|group| group.service.handling()))
    }

    /// The rate per second at which the groups announce saves.
    pub(crate) fn saving(&self) -> Option<f64> {
        sum(self.groups.iter().map(|group| group.service.publishing()))
    }
}

/// The sum of the known rates; none if no rate is known.
pub(crate) fn sum(rates: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    rates.flatten().reduce(|all, one| all + one)
}
