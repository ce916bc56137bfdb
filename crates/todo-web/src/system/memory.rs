//! The samples of the last minute, from which rates, curves and missing members are derived.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    time::Duration,
};

use bus::{ExpectedMembers, MemberInfo, RecentMembers, Work};
use time::OffsetDateTime;
use tokio::time::Instant;

use super::picture::{Backlog, Done, Group, Member, Picture, Service, Stream};

/// Time span of the curves.
const HISTORY: Duration = Duration::from_mins(1);

/// Time span over which a rate is taken, if there are samples in it.
const WINDOW: Duration = Duration::from_secs(5);

/// The interval, in samples, of those that wait for members that are not known yet.
const PATIENT: u64 = 10;

/// The data of one sample.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// The members that answered, if the broker was reachable.
    pub(super) present: Option<Vec<MemberInfo>>,
    /// The state of the streams and consumers, if the broker answered in time.
    pub(super) standing: Option<Stock>,
    pub(super) database: bool,
}

/// The state of the streams and consumers.
#[derive(Clone, Debug, Default)]
pub(super) struct Stock {
    pub(super) events: u64,
    pub(super) bytes: u64,
    pub(super) limit: u64,
    pub(super) last_sequence: u64,
    pub(super) groups: BTreeMap<String, Backlog>,
    pub(super) dead_letters: BTreeMap<String, u64>,
}

/// The state that is kept from one sample to the next.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// The number of samples so far.
    looked: u64,
    regulars: RecentMembers,
    /// The groups as of the broker's last answer, and every service that ever published.
    groups: BTreeSet<String>,
    publishers: BTreeSet<String>,
    /// The samples of the last minute, the oldest first.
    looks: VecDeque<Look>,
}

/// The data that is kept of a sample.
#[derive(Debug)]
struct Look {
    at: Instant,
    members: HashMap<(String, String), Counts>,
    last_sequence: Option<u64>,
    waiting: BTreeMap<String, u64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    handled: u64,
    published: u64,
}

impl Memory {
    /// The members that the next sample waits for: those that answered lately. Every tenth sample expects no
    /// particular ones, so it waits for the whole timeout, and finds new members that answer slowly as well.
    pub(super) fn expected(&self) -> ExpectedMembers {
        if self.looked.is_multiple_of(PATIENT) {
            ExpectedMembers::default()
        } else {
            self.regulars()
        }
    }

    fn regulars(&self) -> ExpectedMembers {
        self.regulars.and(&ExpectedMembers::default())
    }

    /// Adds a sample, and makes a picture of it.
    pub(super) fn picture(&mut self, seen: Seen) -> Picture {
        let Seen {
            present,
            standing,
            database,
        } = seen;
        let broker = present.is_some();
        self.looked += 1;
        if let Some(present) = &present {
            self.regulars.note(present);
        }
        if let Some(standing) = &standing {
            self.groups = standing.groups.keys().cloned().collect();
        }
        let present = present.unwrap_or_default();
        self.remember(&present, standing.as_ref());
        let (mut services, mut groups) = self.services(&present);
        if !database {
            for member in groups.iter_mut().flat_map(|group| &mut group.members) {
                member.waits = member.in_flight > 0;
            }
        }
        services.sort_by_key(|service| !service.publishes);
        let stream = standing.as_ref().map(|stock| Stream {
            events: stock.events,
            bytes: stock.bytes,
            limit: stock.limit,
            dead_letters: stock.dead_letters.values().sum(),
            rate: self.rate(stock.last_sequence, |look| look.last_sequence),
        });
        let stock = standing.unwrap_or_default();
        let group = |service: Service| Group {
            backlog: stock.groups.get(&service.name).copied(),
            dead_letters: stock
                .dead_letters
                .get(&service.name)
                .copied()
                .unwrap_or_default(),
            history: self.history(&service.name),
            service,
        };
        Picture {
            taken: Instant::now(),
            at: OffsetDateTime::now_utc(),
            broker,
            database,
            stream,
            services,
            groups: groups.into_iter().map(group).collect(),
        }
    }

    fn remember(&mut self, present: &[MemberInfo], standing: Option<&Stock>) {
        let at = Instant::now();
        self.looks
            .retain(|look| at.duration_since(look.at) < HISTORY);
        let members = present.iter().map(|one| (key(one), counts(one)));
        let waiting = standing.into_iter().flat_map(|stock| &stock.groups);
        self.looks.push_back(Look {
            at,
            members: members.collect(),
            last_sequence: standing.map(|stock| stock.last_sequence),
            waiting: waiting
                .map(|(name, backlog)| (name.clone(), backlog.unsettled()))
                .collect(),
        });
        let publishers = present.iter().filter(|one| publishes(one));
        self.publishers
            .extend(publishers.map(|one| one.service.clone()));
    }

    /// Returns the services that are no groups, and the groups, each with the members that answer and those
    /// that are missing. A group is included even if it has no members.
    fn services(&self, present: &[MemberInfo]) -> (Vec<Service>, Vec<Service>) {
        let mut members: BTreeMap<String, Vec<Member>> = BTreeMap::new();
        for group in &self.groups {
            members.entry(group.clone()).or_default();
        }
        for one in present {
            let of = members.entry(one.service.clone()).or_default();
            of.push(self.member(one));
        }
        for missing in self.regulars().missing(present) {
            let member = Member {
                name: missing.member.unwrap_or_default(),
                ..Member::default()
            };
            members.entry(missing.service).or_default().push(member);
        }
        let services = members.into_iter().map(|(name, mut members)| {
            members.sort_by(|one, other| one.name.cmp(&other.name));
            Service {
                publishes: self.publishers.contains(&name),
                members,
                name,
            }
        });
        services.partition(|service| !self.groups.contains(&service.name))
    }

    fn member(&self, one: &MemberInfo) -> Member {
        let (key, now) = (key(one), counts(one));
        let done = |count: fn(&Counts) -> u64| Done {
            total: count(&now),
            rate: self.rate(count(&now), |look| look.members.get(&key).map(count)),
        };
        let published = done(|counts| counts.published);
        Member {
            name: one.member.clone(),
            answers: true,
            waits: false,
            since: Some(one.started),
            handled: done(|counts| counts.handled),
            published: Done {
                rate: published.rate.filter(|_| publishes(one)),
                ..published
            },
            in_flight: one.work.iter().map(|work| work.in_flight).sum(),
        }
    }

    /// The increase per second compared with the count that `knew` finds in an earlier sample: the earliest
    /// one in the window, or, without one, the latest. A counter that was reset has no rate yet.
    fn rate(&self, now: u64, knew: impl Fn(&Look) -> Option<u64>) -> Option<f64> {
        let last = self.looks.back()?;
        let earlier = self.looks.iter().take(self.looks.len() - 1);
        let known = |look: &Look| Some((last.at.duration_since(look.at), knew(look)?));
        let known: Vec<_> = earlier.filter_map(known).collect();
        let in_window = known.iter().find(|(age, _)| *age <= WINDOW);
        let (age, before) = in_window.or(known.last()).copied()?;
        let more = now.checked_sub(before)?;
        #[expect(clippy::cast_precision_loss, reason = "a rate is an estimate")]
        let more = more as f64;
        (!age.is_zero()).then(|| more / age.as_secs_f64())
    }

    fn history(&self, group: &str) -> Vec<(Duration, u64)> {
        let now = Instant::now();
        let known = |look: &Look| Some((now.duration_since(look.at), *look.waiting.get(group)?));
        self.looks.iter().filter_map(known).collect()
    }
}

fn key(one: &MemberInfo) -> (String, String) {
    (one.service.clone(), one.member.clone())
}

fn publishes(one: &MemberInfo) -> bool {
    one.work.iter().any(Work::is_publishing)
}

fn counts(one: &MemberInfo) -> Counts {
    let mut counts = Counts::default();
    for work in &one.work {
        if work.is_publishing() {
            counts.published += work.handled;
        } else {
            counts.handled += work.handled;
        }
    }
    counts
}

#[cfg(test)]
mod tests;
