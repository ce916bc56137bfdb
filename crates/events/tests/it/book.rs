//! Tests with messages of the original, byte for byte as it publishes them.

use events::{ItemAdded, ItemEvent, Received, TodoEvent};
use serde_json::json;
use time::macros::datetime;

use crate::reading::{origin, read_with};

const SUBJECT: &str = "events.todo.newitem";

/// Writes an event as `MessageHelper` of the original does: `Encoding.Unicode.GetBytes(json)`.
fn encoding_unicode(json: &str) -> Vec<u8> {
    json.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn new_item_event(item: &str, added: &str) -> String {
    format!(
        "{{\"Subject\":\"events.todo.newitem\",\"Item\":{{\"ToDoId\":0,\"Item\":{},\"DateAdded\":{}}},\
         \"CorrelationId\":\"5a5bc3ac-0c3d-4d2e-9a44-0f0b2f8a2d51\"}}",
        json!(item),
        json!(added)
    )
}

fn added(read: Received<TodoEvent>) -> ItemAdded {
    match read.event {
        TodoEvent::Item(ItemEvent::Added(added)) => added,
        other => panic!("read {other:?}"),
    }
}

fn read(body: &[u8]) -> Received<TodoEvent> {
    read_with(SUBJECT, &[], body).unwrap()
}

#[test]
fn an_item_of_the_original_is_read_in_whichever_form_of_unicode_it_comes() {
    let json = new_item_event("홍보 비디오 촬영 🎬", "2023-08-19T07:30:11.4276893Z");
    let little = encoding_unicode(&json);
    assert_eq!(&little[..6], b"{\0\"\0S\0");
    let big: Vec<u8> = json.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let bodies = [
        little.clone(),
        [&b"\xff\xfe"[..], &little].concat(),
        [&b"\xfe\xff"[..], &big].concat(),
        big,
        // The function on Kubernetes, and an editor that writes a byte order mark.
        json.clone().into_bytes(),
        [&b"\xef\xbb\xbf"[..], json.as_bytes()].concat(),
    ];
    for body in bodies {
        let read = read(&body);
        let correlation = read.meta.correlation_id.as_deref();
        assert_eq!(correlation, Some("5a5bc3ac-0c3d-4d2e-9a44-0f0b2f8a2d51"));
        let added = added(read);
        assert_eq!(added.item.as_str(), "홍보 비디오 촬영 🎬");
        assert_eq!(added.list.as_str(), "default");
        assert_eq!(added.id.uuid(), origin(7).derived_id());
        assert_eq!(added.added_at, datetime!(2023-08-19 07:30:11.4276893 UTC));
    }
}

#[test]
fn a_time_of_the_original_is_taken_as_it_can_be() {
    let stored = origin(7).stored_at;
    for (text, expected) in [
        (
            "2023-08-19T07:30:11.4276893Z",
            datetime!(2023-08-19 07:30:11.4276893 UTC),
        ),
        (
            "2023-08-19T07:30:11+09:00",
            datetime!(2023-08-18 22:30:11 UTC),
        ),
        (
            "2023-08-19T07:30:11.4276893",
            datetime!(2023-08-19 07:30:11.4276893 UTC),
        ),
        ("2023-08-19T07:30:11", datetime!(2023-08-19 07:30:11 UTC)),
        ("0001-01-01T00:00:00", stored),
        ("0001-01-01T00:00:00Z", stored),
        ("8/19/2023 7:30:11 AM", stored),
        ("", stored),
    ] {
        let body = encoding_unicode(&new_item_event("a", text));
        assert_eq!(added(read(&body)).added_at, expected, "{text}");
    }
    let bare = br#"{"Item":{"Item":"a"}}"#;
    assert_eq!(added(read(bare)).added_at, stored);
    let nulls = br#"{"Item":{"ToDoId":7,"Item":"a","DateAdded":null},"CorrelationId":null}"#;
    assert_eq!(read(nulls).meta.correlation_id, None);
}

#[test]
fn a_correlation_of_a_header_counts_before_that_of_the_body_and_a_strange_one_not_at_all() {
    let body = encoding_unicode(&new_item_event("a", ""));
    let read_as = |headers: &[(&str, &str)], body: &[u8]| {
        let read = read_with(SUBJECT, headers, body).unwrap();
        read.meta.correlation_id
    };
    let header = [("ce-correlationid", "from-the-header")];
    assert_eq!(read_as(&header, &body).as_deref(), Some("from-the-header"));
    let strange = br#"{"Item":{"Item":"a"},"CorrelationId":"a\r\nb"}"#;
    assert_eq!(read_as(&[], strange), None);
}

#[test]
fn what_is_no_item_is_refused_with_a_reason_that_fits_its_form() {
    let reason = |body: &[u8]| {
        let refused = read_with(SUBJECT, &[], body).unwrap_err();
        refused.to_string()
    };
    let long = encoding_unicode(&new_item_event(&"x".repeat(257), ""));
    insta::assert_snapshot!(reason(&long), @"the body is no NewItem: `Item` must have at most 256 characters, has 257");
    let mut cut = encoding_unicode(&new_item_event("a", ""));
    cut.pop();
    insta::assert_snapshot!(reason(&cut), @"the body is no NewItem: UTF-16 that ends within a character");
    insta::assert_snapshot!(reason(b"{\0\"\0\x00\xd8\"\0"), @"the body is no NewItem: UTF-16 with half of a surrogate pair");
    insta::assert_snapshot!(reason(br#"{"Item":7}"#), @"the body is no NewItem: missing field `item` at line 1 column 10");
}

#[test]
fn other_events_may_come_in_utf_16_as_well() {
    let body = encoding_unicode(r#"{"id":"019a8f6e-3c00-7aaa-8bbb-0123456789ab"}"#);
    assert!(read_with("events.todo.itemcompleted", &[], &body).is_ok());
}
