//! Who should answer.

use std::{
    collections::BTreeMap,
    str::FromStr,
    time::{Duration, Instant},
};

use bus::{Present, Roster};

/// For how long somebody who answered is expected to answer again. A member that was stopped for good
/// is missing so long.
const MEMORY: Duration = Duration::from_mins(1);

/// So many members of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expectation {
    pub(crate) service: String,
    pub(crate) count: usize,
}

impl FromStr for Expectation {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (service, count) = match text.split_once('=') {
            Some((service, count)) => (service, count.parse().ok()),
            None => (text, Some(1)),
        };
        match count {
            Some(count @ 0..=10_000) if !service.is_empty() => Ok(Self {
                service: service.to_owned(),
                count,
            }),
            _ => Err("expected a service and how many members of it, such as save-handler=3"),
        }
    }
}

/// Reads a time such as `500ms` or `2s`.
pub(crate) fn duration(text: &str) -> Result<Duration, &'static str> {
    let milliseconds = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(number), _) => number.parse().ok(),
        (None, Some(number)) => number.parse().ok().and_then(|n: u64| n.checked_mul(1000)),
        (None, None) => None,
    };
    match milliseconds {
        Some(milliseconds @ 1..=60_000) => Ok(Duration::from_millis(milliseconds)),
        _ => Err("expected a time up to a minute, such as 500ms or 2s"),
    }
}

/// Those who have answered lately.
#[derive(Default)]
pub(crate) struct Regulars(BTreeMap<(String, String), Instant>);

impl Regulars {
    pub(crate) fn note(&mut self, present: &[Present]) {
        let now = Instant::now();
        for one in present {
            let key = (one.service.clone(), one.member.clone());
            self.0.insert(key, now);
        }
        self.0.retain(|_, seen| now.duration_since(*seen) < MEMORY);
    }

    /// These, and whoever is on the roster.
    pub(crate) fn and(&self, roster: &Roster) -> Roster {
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

    use super::{Expectation, duration};

    #[test]
    fn an_expectation_is_a_service_and_a_number() {
        let some = |service: &str, count| {
            Ok(Expectation {
                service: service.to_owned(),
                count,
            })
        };
        assert_eq!("save-handler=3".parse(), some("save-handler", 3));
        assert_eq!("todo-web".parse(), some("todo-web", 1));
        for wrong in ["", "=1", "a=", "a=x", "a=-1", "a=100000"] {
            assert!(wrong.parse::<Expectation>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_time_has_a_unit_and_an_end() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2s"), Ok(Duration::from_secs(2)));
        for wrong in [
            "",
            "5",
            "ms",
            "0ms",
            "-1s",
            "1h",
            "61s",
            "99999999999999999999s",
        ] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
