//! Numbers as people read them.

use std::time::Duration;

use crate::texts::SystemTexts;

/// The sign for a number that is not known.
pub(super) const UNKNOWN: &str = "–";

/// A count, in groups of three digits.
pub(super) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// So much a second: with one decimal if it is small, and in words of the language.
pub(super) fn rate(rate: Option<f64>, texts: &SystemTexts) -> String {
    match rate {
        None => UNKNOWN.to_owned(),
        Some(rate) if (0.05..9.95).contains(&rate) => (texts.rate)(&format!("{rate:.1}")),
        // As large as a rate gets, it is far from the end of this type.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate is small and not negative"
        )]
        Some(rate) => (texts.rate)(&count(rate.round() as u64)),
    }
}

/// Formats a rate as [`rate`] does; none if it is unknown or rounds to zero.
pub(super) fn flowing(per_second: Option<f64>, texts: &SystemTexts) -> Option<String> {
    let flows = per_second.is_some_and(|per_second| per_second >= 0.05);
    flows.then(|| rate(per_second, texts))
}

/// An age, if there is one that is worth telling.
pub(super) fn age(age: Option<Duration>, texts: &SystemTexts) -> Option<String> {
    age.filter(|age| *age >= Duration::from_secs(1))
        .map(texts.age)
}

/// A size in the unit that fits.
#[expect(clippy::cast_precision_loss, reason = "it is rounded anyway")]
pub(super) fn size(bytes: u64) -> String {
    let mut size = bytes as f64;
    let mut units = ["B", "KiB", "MiB", "GiB"].into_iter();
    let mut unit = units.next().unwrap_or_default();
    for larger in units {
        if size < 1023.5 {
            break;
        }
        (size, unit) = (size / 1024.0, larger);
    }
    if size < 9.95 && size.fract() >= 0.05 {
        format!("{size:.1} {unit}")
    } else {
        format!("{size:.0} {unit}")
    }
}

/// A share from 0 to 1.
#[expect(clippy::cast_precision_loss, reason = "it is rounded anyway")]
pub(super) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    (part as f64 / whole as f64).clamp(0.0, 1.0)
}

/// A share in percent.
pub(super) fn percent(share: f64) -> String {
    match share * 100.0 {
        percent if percent > 0.0 && percent < 1.0 => "<1 %".to_owned(),
        percent => format!("{percent:.0} %"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{age, count, flowing, percent, rate, size};
    use crate::texts::{ENGLISH, KOREAN};

    #[test]
    fn numbers_are_as_exact_as_somebody_wants_to_read_them() {
        let (english, korean) = (&ENGLISH.system, &KOREAN.system);
        assert_eq!(count(7), "7");
        assert_eq!(count(1_234_567), "1,234,567");
        for (number, text) in [
            (0.0, "0/s"),
            (0.25, "0.2/s"),
            (9.96, "10/s"),
            (1234.4, "1,234/s"),
        ] {
            assert_eq!(rate(Some(number), english), text);
        }
        assert_eq!(rate(Some(12.0), korean), "12건/초");
        assert_eq!(flowing(Some(0.04), english), None);
        assert_eq!(flowing(Some(0.1), english).unwrap(), "0.1/s");
        assert_eq!(rate(None, english), "–");
        assert_eq!(age(Some(Duration::from_millis(900)), english), None);
        let long = Some(Duration::from_secs(3725));
        assert_eq!(age(long, english).unwrap(), "1 h 2 min");
        assert_eq!(age(long, korean).unwrap(), "1시간 2분");
        for (bytes, text) in [
            (0, "0 B"),
            (1536, "1.5 KiB"),
            (2 << 30, "2 GiB"),
            (700, "700 B"),
        ] {
            assert_eq!(size(bytes), text);
        }
        assert_eq!(
            (percent(0.004), percent(0.0), percent(0.256)),
            ("<1 %".into(), "0 %".into(), "26 %".into())
        );
    }
}
