//! Asking all members for their statistics.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{MemberInfo, REPLIES, document::Stats};
use crate::{Bus, gather::GatherError};

/// The subject on which every member of every service answers with its statistics.
const EVERYBODY: &str = "$SRV.STATS";

/// The error when members cannot be asked.
#[derive(Debug, thiserror::Error)]
#[error("cannot ask who is there")]
pub struct DiscoverError(#[source] GatherError);

/// The members that are expected to answer. The default is nobody in particular.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExpectedMembers {
    counts: BTreeMap<String, usize>,
    members: BTreeSet<(String, String)>,
}

/// An expected member that did not answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Missing {
    /// Its service.
    pub service: String,
    /// Its name, if a certain member is expected.
    pub member: Option<String>,
}

impl ExpectedMembers {
    /// Adds `count` members of `service` at least, whichever they are.
    #[must_use]
    pub fn some(mut self, service: &str, count: usize) -> Self {
        self.counts.insert(service.to_owned(), count);
        self
    }

    /// Adds this member.
    #[must_use]
    pub fn member(mut self, service: &str, member: &str) -> Self {
        self.members.insert((service.to_owned(), member.to_owned()));
        self
    }

    /// Returns whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty() && self.counts.values().all(|count| *count == 0)
    }

    /// Returns the expected members that are not among those `present`, in order. Where a number of
    /// members is expected, whichever they are, there is one without a name for each that is wanting.
    pub fn missing<'p>(&self, present: impl IntoIterator<Item = &'p MemberInfo>) -> Vec<Missing> {
        let mut wanting = self.counts.clone();
        let mut members = self.members.clone();
        for MemberInfo {
            service, member, ..
        } in present
        {
            if let Some(count) = wanting.get_mut(service) {
                *count = count.saturating_sub(1);
            }
            members.remove(&(service.clone(), member.clone()));
        }
        let unnamed = wanting.into_iter().flat_map(|(service, count)| {
            let missing = Missing {
                service,
                member: None,
            };
            std::iter::repeat_n(missing, count)
        });
        let named = members.into_iter().map(|(service, member)| Missing {
            service,
            member: Some(member),
        });
        let mut missing: Vec<_> = named.chain(unnamed).collect();
        missing.sort();
        missing
    }
}

impl Bus {
    /// Asks every member of every service for its statistics, and returns those that have answered,
    /// ordered by service and member.
    ///
    /// Takes as long as `within`, so that a member that hangs is not waited for. It ends earlier when all
    /// of the `roster` have answered and, for those that are not on it, as much time again has passed;
    /// and at once if there are no responders. [`ExpectedMembers::missing`] returns those that have not answered.
    ///
    /// Cancel safe: late responses are discarded.
    pub async fn discover(
        &self,
        roster: &ExpectedMembers,
        within: Duration,
    ) -> Result<Vec<MemberInfo>, DiscoverError> {
        let mut present = BTreeMap::new();
        let heed = |answer: &[u8]| {
            // A message that is no such response is ignored.
            if let Ok(stats) = serde_json::from_slice::<Stats>(answer) {
                let one = MemberInfo::from(stats);
                present.insert((one.service.clone(), one.member.clone()), one);
            }
            !roster.is_empty() && roster.missing(present.values()).is_empty()
        };
        self.gather(EVERYBODY, REPLIES, within, heed)
            .await
            .map_err(DiscoverError)?;
        Ok(present.into_values().collect())
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::{ExpectedMembers, MemberInfo, Missing};

    fn present(service: &str, member: &str) -> MemberInfo {
        MemberInfo {
            service: service.to_owned(),
            member: member.to_owned(),
            version: String::new(),
            started: OffsetDateTime::UNIX_EPOCH,
            work: Vec::new(),
        }
    }

    #[test]
    fn whoever_is_expected_and_not_there_is_missing() {
        let roster = ExpectedMembers::default()
            .some("saver", 3)
            .some("web", 1)
            .member("api", "api-1")
            .member("api", "api-2");
        let there = [
            present("saver", "a"),
            present("web", "b"),
            present("web", "c"),
            present("api", "api-2"),
        ];
        let missing = |service: &str, member: Option<&str>| Missing {
            service: service.to_owned(),
            member: member.map(str::to_owned),
        };
        assert_eq!(
            roster.missing(&there),
            [
                missing("api", Some("api-1")),
                missing("saver", None),
                missing("saver", None)
            ]
        );
        assert!(ExpectedMembers::default().missing(&there).is_empty());
    }
}
