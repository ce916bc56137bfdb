//! Reading of events. It is tolerant: other publishers need to send no headers, and of the body only the
//! fields that cannot be filled in.

use std::borrow::Cow;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;

use crate::{
    Event, EventId, ItemAdded, ItemCompleted, ItemDeleted, ItemEvent, ItemMoved, ItemRenamed,
    ItemReopened, ItemRestored, ItemSaved, NewItem, Origin, ReplyTo, TodoEvent, TraceContext,
    book::{self, Wrapped},
    header, when,
};

/// A message as it came, before any of it is validated.
pub struct Raw<'a> {
    /// The subject that it was published on.
    pub subject: &'a str,
    /// Looks a header up by its name.
    pub header: &'a dyn Fn(&'static str) -> Option<&'a str>,
    /// Its body.
    pub payload: &'a [u8],
}

/// Metadata of an event: everything but its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// The event's id; if its publisher gave none, it is derived from the stream and the sequence.
    pub id: EventId,
    /// Time at which it happened; if its publisher did not say, the time at which the broker stored it.
    pub occurred_at: OffsetDateTime,
    /// The id that the events of one request have in common, if it is as short and printable as an id.
    pub correlation_id: Option<String>,
    /// The reply subject; none if the publisher named no subject that answers may go to.
    pub reply_to: Option<ReplyTo>,
    /// The trace and the span that it comes from.
    pub trace: Option<TraceContext>,
}

/// An event that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Received<E> {
    /// The event itself.
    pub event: E,
    /// Its metadata.
    pub meta: Meta,
    /// Its stream, and its sequence and time there.
    pub origin: Origin,
}

/// The reason why a message is no event of ours. Such a message can never be handled.
#[derive(Debug, thiserror::Error)]
pub enum Malformed {
    /// No event type has this subject.
    #[error("unknown subject `{0}`")]
    UnknownSubject(String),
    /// The body is not what the subject promises.
    #[error("the body is no {kind}: {reason}")]
    Body {
        /// The event type that the subject promises.
        kind: &'static str,
        /// The fault of the body, without quoting a user's text.
        reason: String,
    },
    /// A CloudEvents envelope in structured mode that cannot be read.
    #[error("the envelope is no structured-mode cloud event: {0}")]
    Envelope(String),
}

/// A type that a group can read its events as.
pub trait Decode: Sized {
    /// Reads a message that was stored at `origin`. Fails if it is no event of this type.
    fn decode(raw: &Raw<'_>, origin: Origin) -> Result<Received<Self>, Malformed>;
}

/// For groups that take every message: `None` is one that is no event of ours.
impl Decode for Option<TodoEvent> {
    fn decode(raw: &Raw<'_>, origin: Origin) -> Result<Received<Self>, Malformed> {
        Ok(match TodoEvent::decode(raw, origin.clone()) {
            Ok(Received {
                event,
                meta,
                origin,
            }) => Received {
                event: Some(event),
                meta,
                origin,
            },
            Err(_) => Received {
                event: None,
                meta: Meta::from_headers(raw, &origin),
                origin,
            },
        })
    }
}

impl Decode for TodoEvent {
    fn decode(raw: &Raw<'_>, origin: Origin) -> Result<Received<Self>, Malformed> {
        let structured = (raw.header)(header::CONTENT_TYPE)
            .is_some_and(|kind| kind.starts_with("application/cloudevents+json"));
        let (
            mut meta,
            Body {
                event,
                correlation_id,
            },
        ) = if structured {
            let envelope: Structured = serde_json::from_slice(raw.payload)
                .map_err(|error| Malformed::Envelope(describe(&error)))?;
            let meta = envelope.meta(&origin);
            (meta, read(raw.subject, &envelope.body()?, &origin)?)
        } else {
            (
                Meta::from_headers(raw, &origin),
                read(raw.subject, raw.payload, &origin)?,
            )
        };
        meta.correlation_id = meta.correlation_id.or(correlation_id);
        Ok(Received {
            event,
            meta,
            origin,
        })
    }
}

/// The contents of a body.
struct Body {
    event: TodoEvent,
    /// The correlation id, which other publishers have in the body.
    correlation_id: Option<String>,
}

impl From<TodoEvent> for Body {
    fn from(event: TodoEvent) -> Self {
        Self {
            event,
            correlation_id: None,
        }
    }
}

impl From<ItemEvent> for Body {
    fn from(event: ItemEvent) -> Self {
        TodoEvent::Item(event).into()
    }
}

/// Reads the body of an event on `subject`.
fn read(subject: &str, body: &[u8], origin: &Origin) -> Result<Body, Malformed> {
    Ok(match subject {
        NewItem::SUBJECT => return read_new_item(body, origin),
        ItemRenamed::SUBJECT => ItemEvent::Renamed(parse(body)?).into(),
        ItemCompleted::SUBJECT => ItemEvent::Completed(parse(body)?).into(),
        ItemReopened::SUBJECT => ItemEvent::Reopened(parse(body)?).into(),
        ItemMoved::SUBJECT => ItemEvent::Moved(parse(body)?).into(),
        ItemDeleted::SUBJECT => ItemEvent::Deleted(parse(body)?).into(),
        ItemRestored::SUBJECT => ItemEvent::Restored(parse(body)?).into(),
        ItemSaved::SUBJECT => TodoEvent::Saved(parse(body)?).into(),
        other => return Err(Malformed::UnknownSubject(other.to_owned())),
    })
}

/// Reads a new item, as we write it or as the original does.
fn read_new_item(body: &[u8], origin: &Origin) -> Result<Body, Malformed> {
    let body = unicode::<NewItem>(body)?;
    let refused = match parse_utf8::<NewItem>(&body) {
        Ok(event) => return Ok(ItemEvent::Added(event.stored(origin)).into()),
        Err(refused) => refused,
    };
    let wrapped: Wrapped = serde_json::from_slice(&body).map_err(|_| refused)?;
    let correlation_id = wrapped.correlation_id();
    let item = wrapped.into_item();
    let item = item.map_err(|invalid| malformed::<NewItem>(format!("`Item` {invalid}")))?;
    Ok(Body {
        event: TodoEvent::Item(ItemEvent::Added(item.stored(origin))),
        correlation_id,
    })
}

fn parse<E: Event>(body: &[u8]) -> Result<E, Malformed> {
    parse_utf8(&unicode::<E>(body)?)
}

fn parse_utf8<E: Event>(body: &[u8]) -> Result<E, Malformed> {
    serde_json::from_slice(body).map_err(|error| malformed::<E>(describe(&error)))
}

fn unicode<E: Event>(body: &[u8]) -> Result<Cow<'_, [u8]>, Malformed> {
    book::utf8(body).map_err(malformed::<E>)
}

fn malformed<E: Event>(reason: impl Into<String>) -> Malformed {
    Malformed::Body {
        kind: E::TYPE,
        reason: reason.into(),
    }
}

/// Describes the fault of a JSON text. The parser quotes a value that does not fit, which may be a user's
/// text or very long, so only the value's kind is named.
fn describe(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let mut quoting = ["invalid type: ", "invalid value: "].iter();
    match quoting.find_map(|start| text.split_once(start)) {
        Some((_, rest)) => {
            let kind = rest.split([' ', ',']).next().unwrap_or("a value");
            let wanted = rest
                .rsplit_once(", expected ")
                .map_or("another", |(_, wanted)| wanted);
            format!("found {kind}, expected {wanted}")
        }
        None if error.is_syntax() || error.is_eof() => format!("it is not JSON: {text}"),
        None => text,
    }
}

impl NewItem {
    /// Fills in the fields that its publisher left out, from its stream, sequence and time of storage.
    fn stored(self, origin: &Origin) -> ItemAdded {
        ItemAdded {
            id: self.id.unwrap_or_else(|| origin.derived_id().into()),
            list: self.list.unwrap_or_default(),
            item: self.item,
            order: origin.order(),
            added_at: self.added_at.unwrap_or(origin.stored_at),
        }
    }
}

impl Meta {
    fn from_headers(raw: &Raw<'_>, origin: &Origin) -> Self {
        let header = |name| (raw.header)(name);
        let id = header(header::ID).or_else(|| header(header::MESSAGE_ID));
        let filled = Self::filled(
            id,
            header(header::TIME),
            header(header::CORRELATION_ID),
            header(header::REPLY_TO),
            origin,
        );
        let trace = header(header::TRACE_PARENT)
            .and_then(|parent| TraceContext::parse(parent, header(header::TRACE_STATE)));
        Self { trace, ..filled }
    }

    /// Takes over another publisher's metadata where they are valid, and fills in the rest: an invalid
    /// header is no reason to refuse an event whose body is right.
    fn filled(
        id: Option<&str>,
        time: Option<&str>,
        correlation_id: Option<&str>,
        reply_to: Option<&str>,
        origin: &Origin,
    ) -> Self {
        Self {
            id: id
                .and_then(EventId::parse)
                .unwrap_or_else(|| origin.derived_id().into()),
            occurred_at: time.and_then(when::parse).unwrap_or(origin.stored_at),
            // It is published again in a header of the events that this one causes, and has to fit there.
            correlation_id: correlation_id
                .and_then(EventId::parse)
                .map(|id| id.to_string()),
            reply_to: reply_to.and_then(ReplyTo::parse),
            trace: None,
        }
    }
}

/// A CloudEvents 1.0 envelope in structured mode (its JSON format, section 3).
#[derive(Deserialize)]
struct Structured {
    id: String,
    #[serde(default)]
    time: Option<String>,
    #[serde(default)]
    correlationid: Option<String>,
    #[serde(default)]
    traceparent: Option<String>,
    #[serde(default)]
    tracestate: Option<String>,
    #[serde(default)]
    data: Option<Value>,
    #[serde(default)]
    data_base64: Option<String>,
}

impl Structured {
    fn meta(&self, origin: &Origin) -> Meta {
        let filled = Meta::filled(
            Some(&self.id),
            self.time.as_deref(),
            self.correlationid.as_deref(),
            None,
            origin,
        );
        // The attributes of the extension for distributed tracing.
        let parent = self.traceparent.as_deref();
        let trace =
            parent.and_then(|parent| TraceContext::parse(parent, self.tracestate.as_deref()));
        Meta { trace, ..filled }
    }

    fn body(self) -> Result<Vec<u8>, Malformed> {
        match (self.data, self.data_base64) {
            (Some(data), None) => Ok(data.to_string().into_bytes()),
            (None, Some(data)) => BASE64_STANDARD
                .decode(data)
                .map_err(|error| Malformed::Envelope(format!("`data_base64`: {error}"))),
            (None, None) => Err(Malformed::Envelope("`data` is missing".to_owned())),
            (Some(_), Some(_)) => Err(Malformed::Envelope(
                "`data` and `data_base64` exclude each other".to_owned(),
            )),
        }
    }
}
