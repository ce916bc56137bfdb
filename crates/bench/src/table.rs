//! The one table that everything ends in.

use std::fmt;

/// A measured value with its unit.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value {
    PerSecond(f64),
    Milliseconds(f64),
    Mebibytes(f64),
    Count(u64),
}

/// What a figure has to reach to be met.
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
    /// It is only shown.
    None,
}

/// A line of the table.
#[derive(Debug)]
pub(crate) struct Row {
    id: &'static str,
    what: String,
    ours: Value,
    reference: Option<Value>,
    goal: Goal,
}

/// All lines, and what is to be said about them.
#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
    notes: Vec<String>,
}

impl Table {
    /// Adds a figure beside the figure of a reference.
    pub(crate) fn compare(
        &mut self,
        id: &'static str,
        what: impl Into<String>,
        ours: Value,
        reference: Value,
        goal: Goal,
    ) {
        self.rows.push(Row {
            id,
            what: what.into(),
            ours,
            reference: Some(reference),
            goal,
        });
    }

    /// Adds a figure that stands alone.
    pub(crate) fn add(
        &mut self,
        id: &'static str,
        what: impl Into<String>,
        ours: Value,
        goal: Goal,
    ) {
        self.rows.push(Row {
            id,
            what: what.into(),
            ours,
            reference: None,
            goal,
        });
    }

    /// Adds something that the reader of the figures has to know.
    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// The table as text; without verdicts unless it `judges`.
    pub(crate) fn render(&self, judges: bool) -> String {
        let titles = ["", "figure", "ours", "reference", "ratio", "goal", ""];
        let mut lines = vec![titles.map(str::to_owned)];
        lines.extend(self.rows.iter().map(|row| row.cells(judges)));
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max();
        let widths: Vec<usize> = (0..titles.len()).filter_map(width).collect();
        let mut text = String::new();
        for (number, line) in lines.iter().enumerate() {
            let cells = line.iter().zip(&widths).enumerate();
            let cells = cells.map(|(column, (cell, width))| match column {
                2..=4 => format!("{cell:>width$}"),
                _ => format!("{cell:<width$}"),
            });
            let line = cells.collect::<Vec<_>>().join("  ");
            text += line.trim_end();
            text += "\n";
            if number == 0 {
                text += &"-".repeat(line.chars().count());
                text += "\n";
            }
        }
        for note in &self.notes {
            text += "\n* ";
            text += note;
        }
        text + "\n"
    }
}

impl Row {
    fn cells(&self, judges: bool) -> [String; 7] {
        let verdict = match self.met() {
            Some(true) if judges => "met",
            Some(false) if judges => "MISSED",
            _ => "",
        };
        [
            self.id.to_owned(),
            self.what.clone(),
            self.ours.to_string(),
            self.reference
                .map(|value| value.to_string())
                .unwrap_or_default(),
            self.comparison(),
            self.goal.to_string(),
            verdict.to_owned(),
        ]
    }

    fn comparison(&self) -> String {
        match (self.reference, self.goal) {
            (None, _) => String::new(),
            (Some(reference), Goal::BelowMore(_)) => {
                format!(
                    "+{}",
                    self.ours.with(self.ours.number() - reference.number())
                )
            }
            (Some(_), _) => format!("{:.2} ×", self.ratio()),
        }
    }

    fn ratio(&self) -> f64 {
        self.ours.number() / self.reference.map_or(f64::NAN, Value::number)
    }

    fn met(&self) -> Option<bool> {
        let ours = self.ours.number();
        let reference = self.reference.map_or(0.0, Value::number);
        Some(match self.goal {
            Goal::AtLeastTimes(times) => self.ratio() >= times,
            Goal::BelowTimes(times) => self.ratio() < times,
            Goal::BelowMore(more) => ours - reference < more.number(),
            Goal::Below(most) => ours < most.number(),
            Goal::AtMost(most) => ours <= most.number(),
            Goal::None => return None,
        })
    }
}

impl Value {
    fn number(self) -> f64 {
        match self {
            Self::PerSecond(number) | Self::Milliseconds(number) | Self::Mebibytes(number) => {
                number
            }
            Self::Count(count) => approximate(count),
        }
    }

    /// Another number of the same unit.
    fn with(self, number: f64) -> Self {
        match self {
            Self::PerSecond(_) => Self::PerSecond(number),
            Self::Milliseconds(_) | Self::Count(_) => Self::Milliseconds(number),
            Self::Mebibytes(_) => Self::Mebibytes(number),
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
            Self::BelowMore(value) => write!(f, "< +{value}"),
            Self::Below(value) => write!(f, "< {value}"),
            Self::AtMost(value) => write!(f, "≤ {value}"),
            Self::None => Ok(()),
        }
    }
}

/// Digits in groups of three.
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

/// A count as a number to calculate with.
#[expect(clippy::cast_precision_loss, reason = "counts here are far below 2^52")]
pub(crate) fn approximate(count: u64) -> f64 {
    count as f64
}

/// The middle one of some numbers.
pub(crate) fn median(numbers: impl IntoIterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.into_iter().collect();
    numbers.sort_by(f64::total_cmp);
    let middle = numbers.len() / 2;
    match numbers[..] {
        [] => f64::NAN,
        _ if numbers.len().is_multiple_of(2) => f64::midpoint(numbers[middle - 1], numbers[middle]),
        _ => numbers[middle],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_judged_by_the_ratio_to_the_reference() {
        let mut table = Table::default();
        let (ours, reference) = (Value::PerSecond(45_000.0), Value::PerSecond(10_000.0));
        table.compare("B1", "requests", ours, reference, Goal::AtLeastTimes(4.5));
        table.compare("B1", "requests", ours, reference, Goal::AtLeastTimes(4.6));
        let (slow, commit) = (Value::Milliseconds(6.5), Value::Milliseconds(1.0));
        table.compare(
            "B5",
            "news",
            slow,
            commit,
            Goal::BelowMore(Value::Milliseconds(5.0)),
        );
        let met: Vec<_> = table.rows.iter().map(Row::met).collect();
        assert_eq!(met, [Some(true), Some(false), Some(false)]);
        let text = table.render(true);
        assert!(
            text.contains("45 000 /s  10 000 /s   4.50 ×  ≥ 4.5 ×   met"),
            "{text}"
        );
        assert!(text.contains("+5.50 ms"), "{text}");
        assert!(!table.render(false).contains("MISSED"));
    }

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        assert!((median([3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median([4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < f64::EPSILON);
    }
}
