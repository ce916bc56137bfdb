//! The table of all results.

mod value;

pub(crate) use value::{Goal, Value};

use crate::numbers::median;

/// Width of notes, in characters.
const WIDTH: usize = 100;

/// A line of the table.
#[derive(Debug)]
pub(crate) struct Row {
    id: &'static str,
    what: String,
    ours: Value,
    reference: Option<Value>,
    /// The ratio of the two, where it is not simply their quotient.
    ratio: Option<f64>,
    goal: Goal,
}

/// All lines, and the notes below them.
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
            ratio: None,
            goal,
        });
    }

    /// Adds rates (per second) that were measured in turn with those of a reference, one of each in
    /// every round. Their medians are shown, and the median of the rounds' own ratios, by which the goal
    /// is judged: a machine that is slow for a while is so for both sides of a round.
    pub(crate) fn compare_rounds(
        &mut self,
        id: &'static str,
        what: impl Into<String>,
        ours: &[f64],
        reference: &[f64],
        goal: Goal,
    ) {
        let ratios = ours.iter().zip(reference);
        let ratios = ratios.map(|(ours, reference)| ours / reference);
        let rate = |rates: &[f64]| Value::PerSecond(median(rates.iter().copied()));
        self.rows.push(Row {
            id,
            what: what.into(),
            ours: rate(ours),
            reference: Some(rate(reference)),
            ratio: Some(median(ratios)),
            goal,
        });
    }

    /// Adds a figure without a reference.
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
            ratio: None,
            goal,
        });
    }

    /// Adds a note for the reader of the figures.
    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// Returns the table as text; without verdicts unless it `judges`.
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
            text += "\n";
            text += &wrapped(note);
        }
        text
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
        let quotient = || self.ours.number() / self.reference.map_or(f64::NAN, Value::number);
        self.ratio.unwrap_or_else(quotient)
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

/// Wraps a note into lines of a readable width.
fn wrapped(note: &str) -> String {
    let mut text = String::from("*");
    let mut length = text.len();
    for word in note.split_whitespace() {
        if length + 1 + word.chars().count() > WIDTH {
            text += "\n ";
            length = 1;
        }
        text += " ";
        text += word;
        length += 1 + word.chars().count();
    }
    text + "\n"
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
        let words: Vec<_> = text.split_whitespace().collect();
        let words = words.join(" ");
        assert!(
            words.contains("45 000 /s 10 000 /s 4.50 × ≥ 4.5 × met"),
            "{text}"
        );
        assert!(words.contains("+5.50 ms < +5 ms MISSED"), "{text}");
        assert!(!table.render(false).contains("MISSED"));
    }

    #[test]
    fn a_slow_while_of_the_machine_does_not_change_the_ratio_of_rounds() {
        let mut table = Table::default();
        // All of the third round was slow, and the reference's measurement in the second; the medians
        // alone make 8.
        let (ours, reference) = ([40.0, 40.0, 20.0], [10.0, 5.0, 5.0]);
        for least in [4.0, 4.1] {
            let goal = Goal::AtLeastTimes(least);
            table.compare_rounds("B1", "requests", &ours, &reference, goal);
        }
        let ratios: Vec<_> = table.rows.iter().map(Row::comparison).collect();
        assert_eq!(ratios, ["4.00 ×", "4.00 ×"]);
        let met: Vec<_> = table.rows.iter().map(Row::met).collect();
        assert_eq!(met, [Some(true), Some(false)]);
    }
}
