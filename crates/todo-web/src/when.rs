//! A moment as a visitor reads it.

use time::{Duration, OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

use crate::texts::Texts;

/// A moment, for machines and for people.
pub(crate) struct When {
    /// For the attribute `datetime`.
    pub(crate) exact: String,
    /// Its age, which is right in every time zone, or its date and time. The server does not know the
    /// visitor's time zone: the text names UTC, and the page's script shows the visitor's own.
    pub(crate) shown: String,
    /// Its date and time, in UTC.
    pub(crate) moment: String,
}

impl When {
    /// Formats the moment `at` as of `now`.
    pub(crate) fn new(at: OffsetDateTime, now: OffsetDateTime, texts: &Texts) -> Self {
        let at = at.to_offset(UtcOffset::UTC);
        let ago = now - at;
        let moment = (texts.moment)(at);
        let shown = if ago < Duration::MINUTE {
            texts.just_now.to_owned()
        } else if ago < Duration::HOUR {
            (texts.minutes_ago)(ago.whole_minutes())
        } else if ago < Duration::DAY {
            (texts.hours_ago)(ago.whole_hours())
        } else {
            moment.clone()
        };
        let exact = at.truncate_to_second().format(&Rfc3339).unwrap_or_default();
        Self {
            exact,
            shown,
            moment,
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::texts::{ENGLISH, KOREAN};

    #[test]
    fn what_is_recent_is_told_by_its_age_and_the_rest_by_its_date() {
        let at = datetime!(2026-03-09 10:00:00.123 UTC);
        let shown = |ago: Duration, texts| When::new(at, at + ago, texts).shown;
        assert_eq!(shown(Duration::seconds(59), &ENGLISH), "just now");
        assert_eq!(shown(Duration::seconds(60), &ENGLISH), "1 min ago");
        assert_eq!(shown(Duration::minutes(59), &KOREAN), "59분 전");
        assert_eq!(shown(Duration::hours(23), &KOREAN), "23시간 전");
        let day = Duration::DAY;
        assert_eq!(shown(day, &ENGLISH), "9 March 2026, 10:00:00 UTC");
        assert_eq!(shown(day, &KOREAN), "2026년 3월 9일 10:00:00 UTC");
        assert_eq!(When::new(at, at, &ENGLISH).exact, "2026-03-09T10:00:00Z");
    }

    #[test]
    fn a_moment_that_a_clock_elsewhere_puts_into_the_future_is_just_now() {
        let at = datetime!(2026-03-09 10:00 UTC);
        let when = When::new(at, at - Duration::MINUTE, &ENGLISH);
        assert_eq!(when.shown, "just now");
    }
}
