//! What there is to see of the whole system at a moment.

use std::time::Duration;

use time::OffsetDateTime;
use tokio::time::Instant;

/// A picture of the system. What is not known is `None`.
#[derive(Clone, Debug)]
pub(crate) struct Picture {
    /// When it was taken, for this process and for people.
    pub(crate) taken: Instant,
    pub(crate) at: OffsetDateTime,
    /// Whether the broker and the database can be reached from here.
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
    /// How many events come in a second.
    pub(crate) rate: Option<f64>,
}

/// A service and its members.
#[derive(Clone, Debug, Default)]
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) members: Vec<Member>,
    /// Whether it brings events into the stream.
    pub(crate) publishes: bool,
}

/// A service that takes events from the stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Group {
    pub(crate) service: Service,
    pub(crate) backlog: Option<Backlog>,
    pub(crate) dead_letters: u64,
    /// How many events waited how long ago, the oldest first.
    pub(crate) history: Vec<(Duration, u64)>,
}

/// What a group has not settled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Backlog {
    /// Not given to a member yet.
    pub(crate) waiting: u64,
    /// In members' hands.
    pub(crate) in_hand: u64,
    /// How long the oldest of them has been there.
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
    /// Whether it holds events that it cannot handle while the database is away.
    pub(crate) waits: bool,
    pub(crate) since: Option<OffsetDateTime>,
    /// Events or questions.
    pub(crate) handled: Done,
    pub(crate) published: Done,
    /// How many are in work now.
    pub(crate) in_flight: u64,
}

/// What was done since the start, and how fast it goes now.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Done {
    pub(crate) total: u64,
    /// A second.
    pub(crate) rate: Option<f64>,
}

impl Service {
    /// What all members together handle in a second.
    pub(crate) fn handling(&self) -> Option<f64> {
        sum(self.members.iter().map(|member| member.handled.rate))
    }

    /// What all members together publish in a second.
    pub(crate) fn publishing(&self) -> Option<f64> {
        sum(self.members.iter().map(|member| member.published.rate))
    }

    /// How many members answered.
    pub(crate) fn answering(&self) -> usize {
        self.members.iter().filter(|member| member.answers).count()
    }
}

impl Group {
    /// Whether somebody works on what is in hand. What nobody works on waits.
    pub(crate) fn is_at_work(&self) -> bool {
        let mut members = self.service.members.iter();
        members.any(|member| member.answers && !member.waits)
    }
}

impl Picture {
    /// Those who answered lately and do not now.
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

    /// How much the publishers bring in a second.
    pub(crate) fn publishing(&self) -> Option<f64> {
        sum(self.services.iter().map(Service::publishing))
    }

    /// How much the groups handle in a second.
    pub(crate) fn handling(&self) -> Option<f64> {
        sum(self.groups.iter().map(|group| group.service.handling()))
    }

    /// How many saves the groups announce in a second.
    pub(crate) fn saving(&self) -> Option<f64> {
        sum(self.groups.iter().map(|group| group.service.publishing()))
    }
}

/// The sum of those that are known; nothing if none is.
pub(crate) fn sum(rates: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    rates.flatten().reduce(|all, one| all + one)
}
