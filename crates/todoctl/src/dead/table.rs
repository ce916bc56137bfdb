//! Dead letters as text, for people: a line each, or a page each.

use bus::DeadLetter;

use crate::text::{printable, rfc3339, room_after, seconds, shortened};

/// The text for an unknown value.
const UNKNOWN: &str = "-";

/// Returns the names of the columns.
pub(super) fn heading() -> String {
    let names = ["SEQ", "GROUP", "SUBJECT", "EVENT", "DIED", "TRIES"];
    columns(names.map(str::to_owned)) + "REASON"
}

/// Returns the most important fields of a dead letter. The reason takes the rest of the line.
pub(super) fn line(letter: &DeadLetter) -> String {
    let event = letter.event.as_ref();
    let known = |text: Option<&str>| printable(text.unwrap_or(UNKNOWN));
    let start = columns([
        letter.sequence.to_string(),
        printable(&letter.group),
        known(event.map(|event| event.subject.as_str()).ok()),
        known(event.map(|event| event.id.as_str()).ok()),
        seconds(letter.died_at),
        letter.attempts.to_string(),
    ]);
    let room = room_after(start.chars().count());
    start + &shortened(&printable(&letter.reason), room)
}

fn columns([sequence, group, subject, event, died, tries]: [String; 6]) -> String {
    format!("{sequence:<6} {group:<14} {subject:<25} {event:<36} {died:<20} {tries:<5} ")
}

/// Returns all fields of a dead letter.
pub(super) fn page(letter: &DeadLetter) -> String {
    let mut lines = vec![
        format!("dead letter {}", letter.sequence),
        field("group", &letter.group),
        field("member", letter.member.as_deref().unwrap_or("the broker")),
        field("died", &rfc3339(letter.died_at)),
        field("attempts", &letter.attempts.to_string()),
        field("reason", &letter.reason),
    ];
    match &letter.event {
        Err(reason) => lines.push(field("event", &format!("not known: {reason}"))),
        Ok(event) => {
            let origin = &event.origin;
            let (stream, sequence) = (origin.stream.name(), origin.sequence);
            lines.push(field("event", event.id.as_str()));
            lines.push(field("subject", &event.subject));
            lines.push(field("stored", &rfc3339(origin.stored_at)));
            lines.push(field("place", &format!("sequence {sequence} of {stream}")));
            lines.push("  headers".to_owned());
            for (name, value) in event.headers() {
                lines.push(format!("    {}: {}", printable(name), printable(value)));
            }
            lines.push(format!("  body, {} bytes", event.body.len()));
            let body = String::from_utf8_lossy(&event.body);
            lines.push(format!("    {}", printable(&body)));
        }
    }
    lines.join("\n")
}

fn field(name: &str, value: &str) -> String {
    format!("  {name:<9} {}", printable(value))
}
