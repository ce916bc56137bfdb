//! The header `Prefer` (RFC 7240): waiting for the save.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, HeaderValue, request::Parts},
};
use service::http::outside_quotes;
use tokio::time::Instant;

const PREFER: HeaderName = HeaderName::from_static("prefer");

/// Response header that names the preference applied.
const APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// Longest wait, in seconds. A longer preference is cut to this.
const LONGEST_S: u32 = 30;

/// The header `Prefer`, of which only `wait=N` is supported. Everything else in it is ignored, as the RFC
/// requires, and so is a wait of 0 or one that is no number of seconds. `respond-async` is the behaviour
/// anyway; beside a wait it only says what to do at its end.
pub(crate) struct Prefer(pub(crate) Option<Wait>);

/// Time that a caller waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wait {
    seconds: u32,
    until: Instant,
}

impl Wait {
    /// Waits from now on.
    pub(crate) fn of(seconds: u32) -> Self {
        let until = Instant::now() + Duration::from_secs(seconds.into());
        Self { seconds, until }
    }

    /// End of the wait.
    pub(crate) fn until(self) -> Instant {
        self.until
    }

    /// The response header that confirms the wait.
    pub(crate) fn applied(self) -> [(HeaderName, String); 1] {
        [(APPLIED, format!("wait={}", self.seconds))]
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Prefer {
    type Rejection = Infallible;

    /// The wait starts here, when the head of the request was received, as the RFC requires.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(seconds(&parts.headers).map(Wait::of)))
    }
}

/// The seconds of the wait. Of several waits the first counts.
pub(crate) fn seconds(headers: &HeaderMap) -> Option<u32> {
    let lines = headers.get_all(PREFER).iter().map(HeaderValue::to_str);
    let preferences = lines.flatten().flat_map(|line| outside_quotes(line, b','));
    let wait = preferences.map(value_of_wait).find_map(|value| value)?;
    let digits = !wait.is_empty() && wait.bytes().all(|byte| byte.is_ascii_digit());
    // Digits that do not fit are a very large number.
    let seconds = digits.then(|| wait.parse().unwrap_or(LONGEST_S).min(LONGEST_S));
    seconds.filter(|seconds| *seconds > 0)
}

/// Value of the preference if it is a `wait`. Its parameters, after a semicolon, are ignored.
fn value_of_wait(preference: &str) -> Option<&str> {
    let preference = outside_quotes(preference, b';').next()?;
    let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
    let value = value.trim();
    let plain = value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'));
    name.trim()
        .eq_ignore_ascii_case("wait")
        .then_some(plain.unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue};
    use proptest::{collection::vec, prelude::*};

    use super::{LONGEST_S, PREFER, seconds};

    fn of(lines: &[&str]) -> Option<u32> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(PREFER, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        seconds(&headers)
    }

    #[test]
    fn a_wait_is_found_wherever_it_stands() {
        assert_eq!(of(&["wait=5"]), Some(5));
        assert_eq!(of(&["respond-async, wait=10"]), Some(10));
        assert_eq!(of(&["wait=10,respond-async"]), Some(10));
        assert_eq!(of(&["respond-async", "return=minimal", "wait=7"]), Some(7));
        assert_eq!(of(&[",, WAIT\t= 5 ;lang=en, x"]), Some(5));
        assert_eq!(of(&["wait=\"5\""]), Some(5));
        assert_eq!(
            of(&["a=\"x, wait=9; \\\", wait=8\"; b=\"c\", wait=5"]),
            Some(5)
        );
    }

    #[test]
    fn who_wants_to_wait_long_waits_half_a_minute() {
        assert_eq!(of(&["wait=30"]), Some(30));
        assert_eq!(of(&["wait=31"]), Some(30));
        assert_eq!(of(&["wait=99999999999999999999999999"]), Some(30));
        assert_eq!(of(&["wait=007"]), Some(7));
    }

    #[test]
    fn of_several_waits_the_first_counts() {
        assert_eq!(of(&["wait=5, wait=6"]), Some(5));
        assert_eq!(of(&["wait=5", "wait=6"]), Some(5));
        assert_eq!(of(&["wait=x, wait=6"]), None);
        assert_eq!(of(&["wait=0, wait=6"]), None);
    }

    #[test]
    fn what_is_no_wait_is_ignored() {
        assert_eq!(of(&[]), None);
        for line in [
            "",
            ",",
            "=",
            ";",
            "wait",
            "wait=",
            "wait=0",
            "wait=-1",
            "wait=+5",
            "wait=1.5",
            "wait=soon",
            "wait=5s",
            "wait=\"",
            "wait=\"\"",
            "await=5",
            "x; wait=5",
            "x=wait=5",
            "respond-async",
            "a=\"wait=5",
            "\u{fc}",
        ] {
            assert_eq!(of(&[line]), None, "{line}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn whatever_is_preferred_a_wait_is_a_number_of_seconds_that_can_be_written_back(
            lines in vec("[ -~\t\u{80}-\u{ff}]{0,20}|[a-z=;,\" \\\\]{0,20}|[a-z=, ;]{0,9}wait ?= ?\"?[0-9]{1,12}.{0,5}", 0..4),
        ) {
            let lines: Vec<_> = lines.iter().filter(|line| HeaderValue::from_str(line).is_ok()).collect();
            let lines: Vec<_> = lines.iter().map(|line| line.as_str()).collect();
            if let Some(seconds) = of(&lines) {
                prop_assert!((1..=LONGEST_S).contains(&seconds));
                prop_assert_eq!(of(&[&format!("wait={seconds}")]), Some(seconds));
            }
        }
    }
}
