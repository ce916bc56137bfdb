//! Output of text to a terminal.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
};

use terminal_size::{Width, terminal_size};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// The width of an output that is no terminal.
const WIDTH: usize = 80;

/// Prints lines. Returns `false` if the output is closed, as after `head`.
pub(crate) fn say(lines: impl IntoIterator<Item = String>) -> bool {
    let mut output = io::stdout().lock();
    lines
        .into_iter()
        .all(|line| writeln!(output, "{line}").is_ok())
}

/// Escapes control characters: text from outside must not steer the terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .fold(String::with_capacity(text.len()), |mut line, c| {
            if c.is_control() {
                let _ = write!(line, "{}", c.escape_default());
            } else {
                line.push(c);
            }
            line
        })
}

/// Shortens a text to `width` characters, the last of which is then an ellipsis.
pub(crate) fn shortened(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let start = text.chars().take(width.saturating_sub(1));
    start.chain(['…']).collect()
}

/// Returns the number of characters that fit into a line of the terminal after `taken` of them.
pub(crate) fn room_after(taken: usize) -> usize {
    match terminal_size() {
        // A line that wraps is better than one without a text.
        Some((Width(width), _)) => usize::from(width).saturating_sub(taken).max(WIDTH / 4),
        None => WIDTH,
    }
}

/// Writes a time without fractions of a second.
pub(crate) fn seconds(time: OffsetDateTime) -> String {
    rfc3339(time.replace_nanosecond(0).unwrap_or(time))
}

pub(crate) fn rfc3339(time: OffsetDateTime) -> String {
    time.format(&Rfc3339).unwrap_or_default()
}
