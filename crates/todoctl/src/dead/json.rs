//! Dead letters as JSON, for programs.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_STANDARD};
use bus::{DeadEvent, DeadLetter};
use serde::Serialize;

use crate::text::rfc3339;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Letter<'l> {
    sequence: u64,
    group: &'l str,
    member: Option<&'l str>,
    reason: &'l str,
    attempts: u64,
    died_at: String,
    event: Option<Event<'l>>,
    /// The reason why there is no event.
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown: Option<&'l str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'l> {
    id: &'l str,
    subject: &'l str,
    stream: &'l str,
    stream_created: String,
    sequence: u64,
    stored_at: String,
    headers: BTreeMap<&'l str, Vec<&'l str>>,
    #[serde(flatten)]
    body: Body<'l>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Body<'l> {
    Body(&'l str),
    /// A body that is no UTF-8.
    BodyBase64(String),
}

/// Returns all fields of a dead letter as a JSON object, in one line.
pub(super) fn line(letter: &DeadLetter) -> String {
    let letter = Letter {
        sequence: letter.sequence,
        group: &letter.group,
        member: letter.member.as_deref(),
        reason: &letter.reason,
        attempts: letter.attempts,
        died_at: rfc3339(letter.died_at),
        event: letter.event.as_ref().ok().map(event),
        unknown: letter.event.as_ref().err().map(String::as_str),
    };
    serde_json::to_string(&letter).unwrap_or_default()
}

fn event(event: &DeadEvent) -> Event<'_> {
    let mut headers = BTreeMap::<_, Vec<_>>::new();
    for (name, value) in event.headers() {
        headers.entry(name).or_default().push(value);
    }
    let body = match str::from_utf8(&event.body) {
        Ok(text) => Body::Body(text),
        Err(_) => Body::BodyBase64(BASE64_STANDARD.encode(&event.body)),
    };
    let origin = &event.origin;
    Event {
        id: event.id.as_str(),
        subject: &event.subject,
        stream: origin.stream.name(),
        stream_created: rfc3339(origin.stream.created()),
        sequence: origin.sequence,
        stored_at: rfc3339(origin.stored_at),
        headers,
        body,
    }
}
