//! Values, and the goals for them.

use std::fmt;

use crate::numbers::approximate;

/// A measured value with its unit.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value {
    PerSecond(f64),
    Milliseconds(f64),
    Mebibytes(f64),
    Kibibytes(f64),
    Count(u64),
}

/// The condition for a figure to be met.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    /// At least so many times the reference.
    AtLeastTimes(f64),
    /// Less than so many times the reference.
    BelowTimes(f64),
    /// Less than so much above the reference.
    BelowMore(Value),
    /// Less than this, whatever the machine.
    Below(Value),
    /// At most this.
    AtMost(Value),
    /// No condition: it is only shown.
    None,
}

impl Value {
    pub(super) fn number(self) -> f64 {
        match self {
            Self::PerSecond(number)
            | Self::Milliseconds(number)
            | Self::Mebibytes(number)
            | Self::Kibibytes(number) => number,
            Self::Count(count) => approximate(count),
        }
    }

    /// Returns another number of the same unit.
    pub(super) fn with(self, number: f64) -> Self {
        match self {
            Self::PerSecond(_) => Self::PerSecond(number),
            Self::Milliseconds(_) | Self::Count(_) => Self::Milliseconds(number),
            Self::Mebibytes(_) => Self::Mebibytes(number),
            Self::Kibibytes(_) => Self::Kibibytes(number),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PerSecond(rate) => write!(f, "{} /s", grouped(&format!("{rate:.0}"))),
            Self::Milliseconds(time) if *time < 10.0 => write!(f, "{time:.2} ms"),
            Self::Milliseconds(time) => write!(f, "{time:.0} ms"),
            Self::Mebibytes(size) => write!(f, "{size:.1} MiB"),
            Self::Kibibytes(size) => write!(f, "{size:.1} KiB"),
            Self::Count(count) => write!(f, "{count}"),
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeastTimes(times) => write!(f, "≥ {times} ×"),
            Self::BelowTimes(times) => write!(f, "< {times} ×"),
            Self::BelowMore(Value::Milliseconds(more)) => write!(f, "< +{more} ms"),
            Self::Below(Value::Milliseconds(most)) => write!(f, "< {most} ms"),
            Self::Below(Value::Mebibytes(most)) => write!(f, "< {most} MiB"),
            Self::Below(Value::Kibibytes(most)) => write!(f, "< {most} KiB"),
            Self::BelowMore(value) => write!(f, "< +{value}"),
            Self::Below(value) => write!(f, "< {value}"),
            Self::AtMost(value) => write!(f, "≤ {value}"),
            Self::None => Ok(()),
        }
    }
}

/// Groups digits by three.
fn grouped(digits: &str) -> String {
    let mut text = String::new();
    for (position, digit) in digits.char_indices() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}
