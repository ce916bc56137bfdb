//! An event together with its origin, in the headers of one message. Dead letters and replays are both
//! written so.

use std::sync::Arc;

use async_nats::{HeaderMap, HeaderValue, jetstream::message::StreamMessage};
use events::{Origin, StreamIdentity};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Prefix of the headers that the broker acts on. Here they are only kept.
const ORDERS: &str = "Nats-";

/// Prefix of our own headers.
const OURS: &str = "Dead-";

/// Prefix under which the broker's headers are kept. The old one must not be part of it: servers such as
/// 2.9 look for the first place in the text that has a header's name, and if it is the end of another
/// name there, they take the header for missing. The message would have no id.
const REMEMBERED: &str = "Dead-Order-";

pub(super) const SUBJECT: &str = "Dead-Subject";
pub(super) const STREAM: &str = "Dead-Stream";
pub(super) const STREAM_CREATED: &str = "Dead-Stream-Created";
pub(super) const SEQUENCE: &str = "Dead-Sequence";
pub(super) const STORED_AT: &str = "Dead-Stored-At";

/// An event's headers as they came, the subject it came on, and its origin.
#[derive(Clone, Debug)]
pub(crate) struct OriginHeaders {
    pub(crate) headers: HeaderMap,
    pub(crate) subject: String,
    pub(crate) origin: Origin,
}

impl OriginHeaders {
    /// Makes the record of an event that `stream` has stored.
    pub(crate) fn of(message: &StreamMessage, stream: &Arc<StreamIdentity>) -> Self {
        Self {
            headers: message.headers.clone(),
            subject: message.subject.to_string(),
            origin: Origin {
                stream: Arc::clone(stream),
                sequence: message.sequence,
                stored_at: message.time,
            },
        }
    }
}

/// The error when a message does not tell which event it keeps.
#[derive(Debug, thiserror::Error)]
#[error("the header `{0}` is missing or wrong")]
pub(crate) struct MissingHeader(&'static str);

/// Returns the headers of a message that keeps an event: the event's own, and those of its origin.
pub(crate) fn write_origin(
    headers: Option<&HeaderMap>,
    subject: &str,
    origin: &Origin,
) -> HeaderMap {
    let mut kept = HeaderMap::new();
    for (name, value) in headers.into_iter().flat_map(each) {
        match after(name, ORDERS) {
            Some(order) => kept.append(format!("{REMEMBERED}{order}"), HeaderValue::from(value)),
            None => kept.append(name, HeaderValue::from(value)),
        }
    }
    kept.insert(SUBJECT, subject);
    kept.insert(STREAM, origin.stream.name());
    kept.insert(STREAM_CREATED, rfc3339(origin.stream.created()));
    kept.insert(SEQUENCE, origin.sequence.to_string());
    kept.insert(STORED_AT, rfc3339(origin.stored_at));
    kept
}

/// Returns the event that a message with such headers keeps.
pub(crate) fn read_origin(kept: &HeaderMap) -> Result<OriginHeaders, MissingHeader> {
    let text = |name| value(kept, name).ok_or(MissingHeader(name));
    let time = |name| {
        let time = OffsetDateTime::parse(text(name)?, &Rfc3339);
        time.map_err(|_| MissingHeader(name))
    };
    let stream = StreamIdentity::new(text(STREAM)?, time(STREAM_CREATED)?);
    let sequence = text(SEQUENCE)?
        .parse()
        .map_err(|_| MissingHeader(SEQUENCE))?;
    let mut headers = HeaderMap::new();
    for (name, value) in each(kept) {
        if let Some(order) = after(name, REMEMBERED) {
            headers.append(format!("{ORDERS}{order}"), HeaderValue::from(value));
        } else if after(name, OURS).or(after(name, ORDERS)).is_none() {
            headers.append(name, HeaderValue::from(value));
        }
    }
    Ok(OriginHeaders {
        headers,
        subject: text(SUBJECT)?.to_owned(),
        origin: Origin {
            stream: Arc::new(stream),
            sequence,
            stored_at: time(STORED_AT)?,
        },
    })
}

/// A header's first value.
pub(crate) fn value<'h>(headers: &'h HeaderMap, name: &'static str) -> Option<&'h str> {
    headers.get(name).map(HeaderValue::as_str)
}

/// Each value of each header, with its name.
pub(crate) fn each(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers.iter().flat_map(|(name, values)| {
        let name: &str = name.as_ref();
        values.iter().map(move |value| (name, value.as_str()))
    })
}

pub(crate) fn rfc3339(time: OffsetDateTime) -> String {
    time.format(&Rfc3339).unwrap_or_default()
}

/// Returns the rest of the name after the prefix, if it has the prefix.
fn after<'n>(name: &'n str, prefix: &str) -> Option<&'n str> {
    let (start, rest) = name.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use async_nats::HeaderMap;
    use events::{Origin, StreamIdentity};
    use proptest::{collection::vec, prelude::*};
    use time::macros::datetime;

    use super::{OURS, each, read_origin, write_origin};

    fn origin() -> Origin {
        let created = datetime!(2026-11-20 12:00:00.123456789 UTC);
        Origin {
            stream: Arc::new(StreamIdentity::new("TODO", created)),
            sequence: 5,
            stored_at: datetime!(2026-11-20 12:30:00.000000001 UTC),
        }
    }

    #[test]
    fn what_is_remembered_is_recalled_to_the_nanosecond() {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", "order-17");
        headers.insert("x-shop", "north");
        headers.append("x-shop", "south");
        let mut kept = write_origin(Some(&headers), "events.todo.newitem", &origin());
        assert!(!format!("{kept:?}").contains("Nats-Msg-Id"));
        kept.insert("Nats-Msg-Id", "dead-1");
        kept.insert("Dead-Reason", "it is bad");
        let record = read_origin(&kept).unwrap();
        assert_eq!(record.origin, origin());
        assert_eq!(record.subject, "events.todo.newitem");
        let mut recalled: Vec<_> = each(&record.headers).collect();
        recalled.sort_unstable();
        let expected = [
            ("Nats-Msg-Id", "order-17"),
            ("x-shop", "north"),
            ("x-shop", "south"),
        ];
        assert_eq!(recalled, expected);
    }

    #[test]
    fn a_message_that_does_not_tell_its_event_is_refused_by_the_headers_name() {
        let mut kept = write_origin(None, "events.todo.newitem", &origin());
        kept.insert("Dead-Sequence", "five");
        let refused = read_origin(&kept).unwrap_err().to_string();
        assert_eq!(refused, "the header `Dead-Sequence` is missing or wrong");
    }

    proptest! {
        #[test]
        fn whatever_an_event_came_with_is_remembered_and_recalled(
            given in vec(("(Nats-|nats-|Dead|x-)?[!-9;-~]{1,12}", "[^\r\n]{0,20}"), 0..6),
            subject in "[!-~]{1,40}",
        ) {
            let mut headers = HeaderMap::new();
            for (name, value) in &given {
                // A header with our prefix is not an event's.
                if !name.to_ascii_lowercase().starts_with(&OURS.to_ascii_lowercase()) {
                    headers.append(name.as_str(), value.as_str());
                }
            }
            let record = read_origin(&write_origin(Some(&headers), &subject, &origin())).unwrap();
            prop_assert_eq!(record.subject, subject);
            prop_assert_eq!(record.origin, origin());
            let sorted = |headers: &HeaderMap| {
                let all = each(headers).map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
                let mut all: Vec<_> = all.collect();
                all.sort_unstable();
                all
            };
            prop_assert_eq!(sorted(&record.headers), sorted(&headers));
        }

        #[test]
        fn no_dead_letter_makes_reading_panic(
            given in vec(("Dead-(Subject|Stream|Stream-Created|Sequence|Stored-At|Order-[a-z]{0,3})|[a-z]{1,9}", "[^\r\n]{0,20}|[0-9]{1,25}|2026-11-20T12:00:00Z"), 0..9),
        ) {
            let mut headers = HeaderMap::new();
            for (name, value) in &given {
                headers.append(name.as_str(), value.as_str());
            }
            let _ = read_origin(&headers).map_err(|missing| missing.to_string());
        }
    }
}
