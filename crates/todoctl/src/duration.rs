//! Times on the command line.

use std::time::Duration;

/// The longest time that can be given.
const MAX: Duration = Duration::from_hours(1);

/// Reads a time such as `500ms`, `2s` or `5m`.
pub(crate) fn parse(text: &str) -> Result<Duration, &'static str> {
    // The longest suffix first: `ms` ends with `s`.
    let units = [("ms", 1), ("s", 1_000), ("m", 60_000)];
    let unit = units.iter().find(|(suffix, _)| text.ends_with(suffix));
    let milliseconds = unit.and_then(|(suffix, factor)| {
        let number: u64 = text.strip_suffix(suffix)?.parse().ok()?;
        number.checked_mul(*factor)
    });
    match milliseconds.map(Duration::from_millis) {
        Some(time) if !time.is_zero() && time <= MAX => Ok(time),
        _ => Err("expected a time up to an hour, such as 500ms, 2s or 5m"),
    }
}

/// Reads a time like [`parse`], or a number of seconds, as in the header `Prefer: wait=5` of the API.
pub(crate) fn or_seconds(text: &str) -> Result<Duration, &'static str> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        parse(&format!("{text}s"))
    } else {
        parse(text)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{or_seconds, parse};

    #[test]
    fn a_time_has_a_unit_and_an_end() {
        assert_eq!(parse("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse("2s"), Ok(Duration::from_secs(2)));
        assert_eq!(parse("60m"), Ok(Duration::from_hours(1)));
        let wrong = ["", "5", "ms", "0ms", "-1s", "+", "1h", "61m", "1.5s", "5 s"];
        for wrong in wrong
            .into_iter()
            .chain(["99999999999999999999s", "9999999999999999m"])
        {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn where_seconds_are_usual_a_number_will_do() {
        assert_eq!(or_seconds("5"), Ok(Duration::from_secs(5)));
        assert_eq!(or_seconds("50ms"), Ok(Duration::from_millis(50)));
        for wrong in ["", "0", "-1", "five"] {
            assert!(or_seconds(wrong).is_err(), "{wrong}");
        }
    }
}
