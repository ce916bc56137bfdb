//! Members that have answered lately, and are expected to answer again.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

use super::{ExpectedMembers, MemberInfo};

/// Time for which a member that answered is expected to answer again. A member that was stopped for good
/// is missing so long.
const EXPECTED_FOR: Duration = Duration::from_mins(1);

/// Members that answered in the last minute. The default is none.
#[derive(Debug, Default)]
pub struct RecentMembers(BTreeMap<(String, String), Instant>);

impl RecentMembers {
    /// Records the members that answered now.
    pub fn note(&mut self, present: &[MemberInfo]) {
        let now = Instant::now();
        for one in present {
            let key = (one.service.clone(), one.member.clone());
            self.0.insert(key, now);
        }
        self.0
            .retain(|_, seen| now.duration_since(*seen) < EXPECTED_FOR);
    }

    /// Returns these members and those on the roster.
    pub fn and(&self, roster: &ExpectedMembers) -> ExpectedMembers {
        self.0
            .keys()
            .fold(roster.clone(), |roster, (service, member)| {
                roster.member(service, member)
            })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use time::OffsetDateTime;

    use super::{ExpectedMembers, MemberInfo, RecentMembers};

    #[tokio::test(start_paused = true)]
    async fn whoever_answered_is_expected_for_a_minute() {
        let present = |member: &str| MemberInfo {
            service: "saver".to_owned(),
            member: member.to_owned(),
            version: String::new(),
            started: OffsetDateTime::UNIX_EPOCH,
            work: Vec::new(),
        };
        let expected = |regulars: &RecentMembers| regulars.and(&ExpectedMembers::default());
        let mut regulars = RecentMembers::default();
        assert!(expected(&regulars).is_empty());
        regulars.note(&[present("a"), present("b")]);
        tokio::time::advance(Duration::from_secs(59)).await;
        regulars.note(&[present("b")]);
        let missing = expected(&regulars).missing(&[present("b")]);
        assert_eq!(missing[0].member.as_deref(), Some("a"));
        tokio::time::advance(Duration::from_secs(2)).await;
        regulars.note(&[present("b")]);
        assert!(expected(&regulars).missing(&[present("b")]).is_empty());
    }
}
