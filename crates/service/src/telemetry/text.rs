//! Log lines for people: time, level, message, and then the fields that the message does not contain already.

use std::{
    fmt::{self, Debug, Write},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tracing::{Event, Level, Subscriber, field::Field};
use tracing_subscriber::{
    field::Visit,
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::Writer,
        time::{FormatTime, SystemTime as Rfc3339},
    },
    registry::LookupSpan,
};

/// The terminal's code for dim text: times and fields.
const DIM: u8 = 2;

/// The format of lines in text.
pub(super) struct Text {
    /// True if a person watches, for whom the date is left out.
    pub(super) on_terminal: bool,
    pub(super) coloured: bool,
}

impl<S, N> FormatEvent<S, N> for Text
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut line: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut said = EventFields::default();
        event.record(&mut said);
        self.write(&mut line, *event.metadata().level(), &said)
    }
}

impl Text {
    fn write(&self, line: &mut Writer<'_>, level: Level, said: &EventFields) -> fmt::Result {
        self.paint(line, DIM, |line| self.time(line))?;
        line.write_char(' ')?;
        self.paint(line, colour(level), |line| write!(line, "{level:>5}"))?;
        write!(line, " {}", said.message)?;
        for (place, (name, value)) in said.fields.iter().enumerate() {
            let before = said.fields[..place].iter().map(|(_, value)| value);
            if said.message.contains(value.as_str()) || before.into_iter().any(|one| one == value) {
                continue;
            }
            line.write_char(' ')?;
            self.paint(line, DIM, |line| {
                // Quotes show where a value of several words ends.
                if value.is_empty() || value.contains([' ', '"', '=']) {
                    write!(line, "{name}={value:?}")
                } else {
                    write!(line, "{name}={value}")
                }
            })?;
        }
        line.write_char('\n')
    }

    fn time(&self, line: &mut Writer<'_>) -> fmt::Result {
        if !self.on_terminal {
            return Rfc3339.format_time(line);
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        time_of_day(now.unwrap_or_default(), line)
    }

    fn paint(
        &self,
        line: &mut Writer<'_>,
        colour: u8,
        text: impl FnOnce(&mut Writer<'_>) -> fmt::Result,
    ) -> fmt::Result {
        if !self.coloured {
            return text(line);
        }
        write!(line, "\u{1b}[{colour}m")?;
        text(line)?;
        line.write_str("\u{1b}[0m")
    }
}

/// Writes the time of day (UTC) of a time since 1970, to the millisecond.
fn time_of_day(since: Duration, line: &mut Writer<'_>) -> fmt::Result {
    let seconds = since.as_secs();
    let (hours, minutes) = (seconds / 3600 % 24, seconds / 60 % 60);
    let millis = since.subsec_millis();
    write!(
        line,
        "{hours:02}:{minutes:02}:{:02}.{millis:03}",
        seconds % 60
    )
}

fn colour(level: Level) -> u8 {
    match level {
        Level::ERROR => 31,
        Level::WARN => 33,
        Level::INFO => 32,
        Level::DEBUG => 34,
        Level::TRACE => 35,
    }
}

/// The message and the fields of an event, in plain text: text from outside must not steer the terminal,
/// nor begin a new line.
#[derive(Default)]
struct EventFields {
    message: String,
    fields: Vec<(&'static str, String)>,
}

impl Visit for EventFields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.record(field, format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record(field, format_args!("{value}"));
    }
}

impl EventFields {
    fn record(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        let text = if field.name() == "message" {
            &mut self.message
        } else {
            self.fields.push((field.name(), String::new()));
            let Some((_, text)) = self.fields.last_mut() else {
                return;
            };
            text
        };
        // Writing to memory does not fail.
        let _ = Plain(text).write_fmt(value);
    }
}

/// A writer of text that escapes control characters.
struct Plain<'a>(&'a mut String);

impl Write for Plain<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(place) = rest.find(char::is_control) {
            let (before, control) = rest.split_at(place);
            self.0.push_str(before);
            let mut chars = control.chars();
            self.0
                .extend(chars.next().into_iter().flat_map(char::escape_default));
            rest = chars.as_str();
        }
        self.0.push_str(rest);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{fmt::Write, time::Duration};

    use tracing::Level;
    use tracing_subscriber::fmt::format::Writer;

    use super::{EventFields, Plain, Text, time_of_day};

    fn line(text: &Text, message: &str, fields: &[(&'static str, &str)]) -> String {
        let fields = fields
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        let said = EventFields {
            message: message.to_owned(),
            fields: fields.collect(),
        };
        let mut line = String::new();
        text.write(&mut Writer::new(&mut line), Level::WARN, &said)
            .unwrap();
        line
    }

    #[test]
    fn what_the_text_says_is_not_said_again() {
        let text = Text {
            on_terminal: false,
            coloured: false,
        };
        let twice = line(
            &text,
            "listening for HTTP on 127.0.0.1:80",
            &[("http.addr", "127.0.0.1:80"), ("version", "0.1.0")],
        );
        assert!(
            twice.ends_with("Z  WARN listening for HTTP on 127.0.0.1:80 version=0.1.0\n"),
            "{twice}"
        );
        let one = line(&text, "saved item", &[("item.id", "7"), ("event.id", "7")]);
        assert!(one.ends_with(" saved item item.id=7\n"), "{one}");
        let other = line(&text, "saved", &[("item.id", "7"), ("why", "a b")]);
        assert!(other.ends_with(" saved item.id=7 why=\"a b\"\n"), "{other}");
    }

    #[test]
    fn colours_are_for_terminals_and_the_date_is_not() {
        let mut text = Text {
            on_terminal: true,
            coloured: true,
        };
        let coloured = line(&text, "away", &[]);
        assert!(
            coloured.contains("\u{1b}[33m WARN\u{1b}[0m away"),
            "{coloured:?}"
        );
        text.coloured = false;
        let plain = line(&text, "away", &[]);
        assert_eq!(plain.len(), "23:46:22.831  WARN away\n".len(), "{plain}");

        let mut time = String::new();
        let moment = Duration::from_millis(((20_000 * 24 + 23) * 3600 + 46 * 60 + 22) * 1000 + 31);
        time_of_day(moment, &mut Writer::new(&mut time)).unwrap();
        assert_eq!(time, "23:46:22.031");
    }

    #[test]
    fn what_comes_from_outside_stays_in_its_line_and_steers_no_terminal() {
        let mut text = String::new();
        Plain(&mut text).write_str("a\u{1b}[2J\nINFO 우유").unwrap();
        assert_eq!(text, "a\\u{1b}[2J\\nINFO 우유");
    }
}
