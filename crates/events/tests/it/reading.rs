//! Tests of reading messages of all kinds of publishers. Reading is tolerant, and nothing that they send
//! makes a reader panic.

use std::{collections::HashMap, sync::Arc};

use events::{
    Decode, Envelope, ItemAdded, ItemEvent, Malformed, NewItem, Origin, Raw, Received, ReplyTo,
    StreamIdentity, TodoEvent,
};
use serde_json::json;
use time::macros::datetime;
use uuid::{Uuid, Version};

pub(crate) fn origin(sequence: u64) -> Origin {
    Origin {
        stream: Arc::new(StreamIdentity::new("TODO", datetime!(2026-11-20 11:00 UTC))),
        sequence,
        stored_at: datetime!(2026-11-20 12:00 UTC),
    }
}

pub(crate) fn read_with(
    subject: &str,
    headers: &[(&str, &str)],
    payload: &[u8],
) -> Result<Received<TodoEvent>, Malformed> {
    let headers: HashMap<_, _> = headers.iter().copied().collect();
    let header = |name: &'static str| headers.get(name).copied();
    TodoEvent::decode(
        &Raw {
            subject,
            header: &header,
            payload,
        },
        origin(7),
    )
}

fn read(subject: &str, payload: &[u8]) -> Result<Received<TodoEvent>, Malformed> {
    read_with(subject, &[], payload)
}

fn added(received: Received<TodoEvent>) -> ItemAdded {
    match received.event {
        TodoEvent::Item(ItemEvent::Added(added)) => added,
        other => panic!("read {other:?}"),
    }
}

#[test]
fn an_item_alone_is_a_complete_event() {
    let received = read("events.todo.newitem", br#"{"item":" buy milk "}"#).unwrap();
    assert_eq!(
        received.meta.id.as_str(),
        origin(7).derived_id().to_string()
    );
    assert_eq!(received.meta.occurred_at, datetime!(2026-11-20 12:00 UTC));
    let added = added(received);
    assert_eq!(added.item.as_str(), "buy milk");
    assert_eq!(added.list.as_str(), "default");
    assert_eq!(added.id.uuid(), origin(7).derived_id());
    assert_eq!(added.id.uuid().get_version(), Some(Version::Sha1));
    assert_eq!(added.added_at, datetime!(2026-11-20 12:00 UTC));
}

#[test]
fn every_reader_derives_the_same_identity_and_each_place_has_its_own() {
    assert_eq!(origin(7).derived_id(), origin(7).derived_id());
    assert_ne!(origin(7).derived_id(), origin(8).derived_id());
    let again = StreamIdentity::new("TODO", datetime!(2026-11-20 11:30 UTC));
    assert_ne!(origin(7).derived_id(), again.derive_id(7));
}

#[test]
fn a_stream_that_was_made_again_continues_the_history() {
    let first = StreamIdentity::new("TODO", datetime!(2026-11-20 11:00 UTC));
    let second = StreamIdentity::new("TODO", datetime!(2026-11-20 11:01 UTC));
    assert!(first.position(1) < first.position(2));
    assert!(first.position(50_000_000) < second.position(1));
}

#[test]
fn unknown_fields_are_ignored() {
    let body = br#"{"item":"a","colour":"red","nested":{"deep":[1]}}"#;
    assert_eq!(
        added(read("events.todo.newitem", body).unwrap())
            .item
            .as_str(),
        "a"
    );
}

#[test]
fn structured_mode_is_read_like_binary_mode() {
    let kind = [(
        "content-type",
        "application/cloudevents+json; charset=utf-8",
    )];
    let id = Uuid::from_u128(5);
    for data in [
        json!({ "data": { "item": "a" } }),
        json!({ "data_base64": "eyJpdGVtIjoiYSJ9" }),
    ] {
        let mut envelope = json!({
            "specversion": "1.0", "id": "order-17", "source": "/shop", "type": "NewItem",
            "time": "2026-11-19T10:00:00Z", "correlationid": "c",
        });
        envelope
            .as_object_mut()
            .unwrap()
            .extend(data.as_object().unwrap().clone());
        let body = envelope.to_string();
        let received = read_with("events.todo.newitem", &kind, body.as_bytes()).unwrap();
        assert_eq!(received.meta.id.as_str(), "order-17");
        assert_eq!(received.meta.occurred_at, datetime!(2026-11-19 10:00 UTC));
        assert_eq!(received.meta.correlation_id.as_deref(), Some("c"));
        assert_eq!(added(received).item.as_str(), "a");
    }
    let empty = json!({ "specversion": "1.0", "id": id, "source": "/", "type": "NewItem" });
    let refused = read_with("events.todo.newitem", &kind, empty.to_string().as_bytes());
    assert!(matches!(refused, Err(Malformed::Envelope(_))));
}

#[test]
fn strange_headers_are_no_reason_to_refuse_a_good_body() {
    let headers = [("ce-id", "no\u{1}t printable"), ("ce-time", "yesterday")];
    let received = read_with("events.todo.newitem", &headers, br#"{"item":"a"}"#).unwrap();
    assert_eq!(
        received.meta.id.as_str(),
        origin(7).derived_id().to_string()
    );
    assert_eq!(received.meta.occurred_at, origin(7).stored_at);
}

#[test]
fn a_time_beyond_the_calendar_is_refused_and_every_other_is_kept_in_utc() {
    let body = |time: &str| format!(r#"{{"item":"a","addedAt":"{time}"}}"#);
    let kept = read(
        "events.todo.newitem",
        body("2026-11-20T12:00:00+09:00").as_bytes(),
    )
    .unwrap();
    assert_eq!(added(kept).added_at, datetime!(2026-11-20 03:00 UTC));
    for beyond in [
        "9999-12-31T23:00:00-10:00",
        "0001-01-01T00:00:00+01:00",
        "0000-06-01T00:00:00Z",
    ] {
        let refused = read("events.todo.newitem", body(beyond).as_bytes()).unwrap_err();
        assert!(
            refused.to_string().contains("within the years 1 to 9999"),
            "{refused}"
        );
        let headers = [("ce-time", beyond)];
        let received = read_with("events.todo.newitem", &headers, br#"{"item":"a"}"#).unwrap();
        assert_eq!(received.meta.occurred_at, origin(7).stored_at);
    }
}

#[test]
fn what_is_sealed_is_read_back() {
    let event = NewItem {
        id: Some(Uuid::from_u128(9).into()),
        list: None,
        item: "a".parse().unwrap(),
        added_at: None,
    };
    let at = datetime!(2026-11-20 10:00 UTC);
    let sealed = Envelope::seal(&event, Uuid::from_u128(9).into(), "todo-web", at).with(
        events::header::REPLY_TO,
        Some("replies.todo-web.a.1".to_owned()),
    );
    let headers: Vec<_> = sealed
        .headers
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let received = read_with(sealed.subject, &headers, &sealed.body).unwrap();
    assert_eq!(received.meta.id, sealed.id);
    assert_eq!(received.meta.occurred_at, at);
    let reply_to = received.meta.reply_to.as_ref().map(ReplyTo::as_str);
    assert_eq!(reply_to, Some("replies.todo-web.a.1"));
    assert_eq!(added(received).id, Uuid::from_u128(9).into());
}

#[test]
fn an_answer_goes_to_subjects_for_answers_and_nowhere_else() {
    let reply_to = |subject: &str| {
        let headers = [("reply-to", subject)];
        let received = read_with("events.todo.newitem", &headers, br#"{"item":"a"}"#).unwrap();
        received.meta.reply_to
    };
    assert!(reply_to("replies.todo-api.a-b_C.17").is_some());
    let long = format!("replies.{}", "x".repeat(ReplyTo::MAX_BYTES));
    for elsewhere in [
        "",
        "replies",
        "replies.",
        "replies..a",
        "replies.a.",
        "replies.*",
        "replies.a.>",
        "replies.a b",
        "replies.a\r\nb",
        "replies.ä",
        "Replies.a",
        "_INBOX.todo-api.a",
        "events.todo.itemsaved",
        "$JS.API.STREAM.PURGE.TODO",
        &long,
    ] {
        assert_eq!(reply_to(elsewhere), None, "{elsewhere}");
    }
}

#[test]
fn what_is_no_event_is_refused_with_a_reason_that_quotes_nobody() {
    let reason = |body: &[u8]| read("events.todo.newitem", body).unwrap_err().to_string();
    insta::assert_snapshot!(reason(b"hello"), @"the body is no NewItem: it is not JSON: expected value at line 1 column 1");
    insta::assert_snapshot!(reason(b"{}"), @"the body is no NewItem: missing field `item` at line 1 column 2");
    insta::assert_snapshot!(reason(br#"{"item":7}"#), @"the body is no NewItem: found integer, expected a string at line 1 column 9");
    insta::assert_snapshot!(reason(br#""my secret diary""#), @"the body is no NewItem: found string, expected struct NewItem at line 1 column 17");
    insta::assert_snapshot!(reason(br#"{"item":"   "}"#), @"the body is no NewItem: must not be empty or blank at line 1 column 14");
    insta::assert_snapshot!(reason(br#"{"item":"a\u0000b"}"#), @"the body is no NewItem: must not have control characters, has U+0000 at line 1 column 19");
    insta::assert_snapshot!(reason(b"{\"item\":\"\xff\"}"), @"the body is no NewItem: it is not JSON: invalid unicode code point at line 1 column 10");
    let long = format!(r#"{{"item":"{}"}}"#, "x".repeat(257));
    insta::assert_snapshot!(reason(long.as_bytes()), @"the body is no NewItem: must have at most 256 characters, has 257 at line 1 column 268");
    let unknown = read("events.todo.itemeaten", b"{}").unwrap_err();
    insta::assert_snapshot!(unknown.to_string(), @"unknown subject `events.todo.itemeaten`");
}

/// The correlation id is published again in a header of the events that this one causes: there a line break
/// would end the header, and a text of any length could be more than a stream accepts.
#[test]
fn a_correlation_that_fits_into_no_header_is_left_out() {
    let correlation = |text: &str| {
        let kind = [("content-type", "application/cloudevents+json")];
        let body = json!({ "id": "1", "correlationid": text, "data": { "item": "a" } });
        let received = read_with("events.todo.newitem", &kind, body.to_string().as_bytes());
        received.unwrap().meta.correlation_id
    };
    assert_eq!(correlation("request-17").as_deref(), Some("request-17"));
    for odd in ["", "a\r\nNats-Msg-Id: b", "a\nb", &"x".repeat(100_000)] {
        assert_eq!(correlation(odd), None);
    }
}
