//! Tests of the trace context of an event.

use std::{collections::HashMap, sync::Arc};

use events::{
    Decode, Envelope, Meta, NewItem, Origin, Raw, StreamIdentity, TodoEvent, TraceContext, header,
};
use proptest::prelude::*;
use serde_json::json;
use time::macros::datetime;
use uuid::Uuid;

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn read(headers: &[(&str, &str)], payload: &[u8]) -> Meta {
    let headers: HashMap<_, _> = headers.iter().copied().collect();
    let raw = Raw {
        subject: "events.todo.newitem",
        header: &|name| headers.get(name).copied(),
        payload,
    };
    let created = datetime!(2026-11-20 11:00 UTC);
    let origin = Origin {
        stream: Arc::new(StreamIdentity::new("TODO", created)),
        sequence: 7,
        stored_at: created,
    };
    TodoEvent::decode(&raw, origin).unwrap().meta
}

fn envelope() -> Envelope {
    let event = NewItem {
        id: None,
        list: None,
        item: "buy milk".parse().unwrap(),
        added_at: None,
    };
    let id = Uuid::from_u128(1).into();
    Envelope::seal(&event, id, "todo-web", datetime!(2026-11-20 12:00 UTC))
}

#[test]
fn a_place_tells_its_trace_and_its_span() {
    let place = TraceContext::parse(PARENT, Some("vendor=1")).unwrap();
    assert_eq!(place.parent(), PARENT);
    assert_eq!(place.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(place.span_id(), "00f067aa0ba902b7");
    assert_eq!(place.state(), Some("vendor=1"));
    assert!(place.is_sampled());
    let quiet = TraceContext::parse(&PARENT.replace("-01", "-00"), None).unwrap();
    assert!(!quiet.is_sampled());
}

#[test]
fn what_is_no_place_in_a_trace_is_not_passed_on() {
    let long = format!("{PARENT}-more");
    let wrong = [
        "",
        "00",
        &PARENT.to_uppercase(),
        &PARENT[1..],
        &PARENT.replacen("00-", "01-", 1),
        &PARENT.replace("-01", "-0g"),
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        &long,
    ];
    for text in wrong {
        assert_eq!(TraceContext::parse(text, None), None, "{text}");
    }
}

#[test]
fn a_state_is_passed_on_without_the_blanks_that_may_get_lost() {
    let long = format!("a={}", "x".repeat(510));
    let cases = [
        ("vendor=1", Some("vendor=1")),
        (" vendor=1 ,\t, other@x=a b ", Some("vendor=1,other@x=a b")),
        (&long, Some(&*long)),
        (&format!("{long}x"), None),
        ("", None),
        (" ", None),
        ("vendor", None),
        ("vendor=1,Other=2", None),
        ("=1", None),
        ("a=", None),
        ("a=1=2", None),
        ("a=\u{1}", None),
        ("a=ü", None),
    ];
    for (state, passed_on) in cases {
        let place = TraceContext::parse(PARENT, Some(state)).unwrap();
        assert_eq!(place.state(), passed_on, "{state:?}");
    }
}

#[test]
fn an_event_is_read_with_its_place_in_both_modes() {
    let headers = [("traceparent", PARENT), ("tracestate", "vendor=1")];
    let read_plain = read(&headers, br#"{"item":"buy milk"}"#);
    assert_eq!(
        read_plain.trace,
        TraceContext::parse(PARENT, Some("vendor=1"))
    );
    let structured = json!({
        "specversion": "1.0",
        "id": "order-17",
        "type": "NewItem",
        "source": "/shop",
        "traceparent": PARENT,
        "data": {"item": "buy milk"},
    });
    let kind = [("content-type", "application/cloudevents+json")];
    let read_structured = read(&kind, structured.to_string().as_bytes());
    assert_eq!(read_structured.trace, TraceContext::parse(PARENT, None));
    let nonsense = [("traceparent", "nonsense")];
    assert_eq!(read(&nonsense, br#"{"item":"buy milk"}"#).trace, None);
}

#[test]
fn what_an_event_causes_belongs_to_its_request_and_its_trace() {
    let headers = [("traceparent", PARENT), ("ce-correlationid", "request-1")];
    let cause = read(&headers, br#"{"item":"buy milk"}"#);
    let caused = envelope().caused_by(&cause);
    let has = |name, value: &str| caused.headers.contains(&(name, value.to_owned()));
    assert!(has(header::TRACE_PARENT, PARENT));
    assert!(has(header::CORRELATION_ID, "request-1"));
    assert_eq!(caused.trace(), cause.trace);
}

#[test]
fn an_event_has_one_place_in_a_trace_and_may_have_none() {
    assert_eq!(envelope().traced(None), envelope());
    assert_eq!(envelope().trace(), None);
    let other = PARENT.replace("00f067aa0ba902b7", "1111111111111111");
    let first = TraceContext::parse(PARENT, Some("vendor=1"));
    let second = TraceContext::parse(&other, None);
    let moved = envelope().traced(first.as_ref()).traced(second.as_ref());
    assert_eq!(moved, envelope().traced(second.as_ref()));
}

proptest! {
    #[test]
    fn no_header_makes_reading_a_place_panic(parent: String, state: String) {
        let _ = TraceContext::parse(&parent, Some(&state));
    }
}
