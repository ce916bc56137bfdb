//! Tests with generated messages: none makes a reader panic, and each that a reader accepts can be written
//! back, and is then read as the same event.

use events::{Envelope, ItemAdded, ItemEvent, Meta, NewItem, Received, ReplyTo, TodoEvent, header};
use proptest::{prelude::*, strategy::ValueTree};
use serde_json::{Map, Value, json};

use crate::reading::{origin, read_with};

/// A value for a field: mostly one that fits, sometimes another one.
fn value(field: &'static str) -> BoxedStrategy<Value> {
    let odd = prop_oneof![
        any::<String>().prop_map(|text| json!(text)),
        any::<f64>().prop_map(|number| json!(number)),
        any::<bool>().prop_map(|truth| json!(truth)),
        Just(json!(null)),
        Just(json!({ "item": "nested" })),
    ];
    let good = match field {
        "id" => any::<u128>()
            .prop_map(|id| json!(uuid::Uuid::from_u128(id)))
            .boxed(),
        "order" => any::<f64>().prop_map(|order| json!(order)).boxed(),
        "version" => any::<i64>().prop_map(|version| json!(version)).boxed(),
        "completed" | "deleted" => any::<bool>().prop_map(|truth| json!(truth)).boxed(),
        "addedAt" => prop_oneof![
            Just(json!("2026-11-20T12:00:00.000000001Z")),
            "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,12})?(Z|[+-][0-2][0-9]:[0-5][0-9])"
                .prop_map(|time| json!(time)),
        ]
        .boxed(),
        _ => any::<String>().prop_map(|text| json!(text)).boxed(),
    };
    prop_oneof![9 => good, 1 => odd].boxed()
}

/// Bodies that are nearly valid, which random bytes seldom are.
fn nearly_right() -> impl Strategy<Value = Value> {
    let names = [
        "id",
        "list",
        "item",
        "addedAt",
        "order",
        "version",
        "completed",
        "deleted",
        "cause",
        "x",
    ];
    let fields = names.map(|name| {
        (
            Just(name.to_owned()),
            prop::option::weighted(0.9, value(name)),
        )
    });
    fields.to_vec().prop_map(|fields| {
        let there = fields
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        Value::Object(there.collect::<Map<_, _>>())
    })
}

/// A structured-mode CloudEvents envelope that is nearly valid.
fn nearly_structured() -> impl Strategy<Value = Value> {
    let attribute = || prop_oneof![value("x"), "[ -~]{0,140}".prop_map(|text| json!(text))];
    let place = (text(header::TRACE_PARENT), text(header::TRACE_STATE));
    let parts = (
        attribute(),
        value("addedAt"),
        attribute(),
        place,
        nearly_right(),
    );
    parts.prop_map(|(id, time, correlation, (parent, state), data)| {
        json!({
            "specversion": "1.0", "source": "/shop", "type": "NewItem",
            "id": id, "time": time, "correlationid": correlation, "data": data,
            "traceparent": parent, "tracestate": state,
        })
    })
}

fn subject() -> impl Strategy<Value = String> {
    let known = [
        "newitem",
        "itemrenamed",
        "itemcompleted",
        "itemreopened",
        "itemmoved",
        "itemdeleted",
        "itemrestored",
        "itemsaved",
    ];
    prop_oneof![
        9 => prop::sample::select(known.to_vec()).prop_map(|name| format!("events.todo.{name}")),
        1 => any::<String>(),
    ]
}

/// A value for a header: mostly one that fits its name, sometimes another one.
fn text(name: &'static str) -> impl Strategy<Value = String> {
    let fitting = match name {
        header::TIME => "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]Z".boxed(),
        header::REPLY_TO => "replies\\.[a-zA-Z0-9_.-]{0,140}".boxed(),
        header::TRACE_PARENT => "00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]".boxed(),
        header::TRACE_STATE => "([ \t]{0,2}([a-z0-9@]{1,9}=[ -~]{0,20})?[ \t]{0,2},?){0,4}".boxed(),
        _ => "[!-~]{0,140}".boxed(),
    };
    prop_oneof![3 => fitting, 1 => any::<String>()]
}

fn headers() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let names = [
        header::ID,
        header::MESSAGE_ID,
        header::TIME,
        header::CORRELATION_ID,
        header::REPLY_TO,
        header::TRACE_PARENT,
        header::TRACE_STATE,
        header::CONTENT_TYPE,
    ];
    let header = prop::sample::select(names.to_vec());
    let header = header.prop_flat_map(|name| (Just(name), text(name)));
    prop::collection::vec(header, 0..8)
}

/// Writes the event as a publisher of ours would.
fn written(received: &Received<TodoEvent>) -> Envelope {
    let Meta {
        id,
        occurred_at: at,
        correlation_id,
        reply_to,
        trace,
    } = received.meta.clone();
    let sealed = match &received.event {
        TodoEvent::Saved(event) => Envelope::seal(event, id, "test", at),
        TodoEvent::Item(event) => match event {
            ItemEvent::Added(event) => Envelope::seal(&asked_for(event), id, "test", at),
            ItemEvent::Renamed(event) => Envelope::seal(event, id, "test", at),
            ItemEvent::Completed(event) => Envelope::seal(event, id, "test", at),
            ItemEvent::Reopened(event) => Envelope::seal(event, id, "test", at),
            ItemEvent::Moved(event) => Envelope::seal(event, id, "test", at),
            ItemEvent::Deleted(event) => Envelope::seal(event, id, "test", at),
            ItemEvent::Restored(event) => Envelope::seal(event, id, "test", at),
        },
    };
    sealed
        .with(header::CORRELATION_ID, correlation_id)
        .with(header::REPLY_TO, reply_to.as_ref().map(ReplyTo::to_string))
        .traced(trace.as_ref())
}

fn asked_for(added: &ItemAdded) -> NewItem {
    NewItem {
        id: Some(added.id),
        list: Some(added.list.clone()),
        item: added.item.clone(),
        added_at: Some(added.added_at),
    }
}

fn borrowed<'h>(headers: &'h [(&'static str, String)]) -> Vec<(&'static str, &'h str)> {
    let borrowed = headers.iter().map(|(name, value)| (*name, value.as_str()));
    borrowed.collect()
}

/// Reads a message; if that succeeds, writes it back and reads it again.
fn round(
    subject: &str,
    headers: &[(&'static str, String)],
    payload: &[u8],
) -> Result<bool, TestCaseError> {
    let received = match read_with(subject, &borrowed(headers), payload) {
        Ok(received) => received,
        Err(reason) => {
            // A reason to refuse must be printable as well, and must not be a copy of the body.
            prop_assert!(reason.to_string().len() < 200 + subject.len());
            return Ok(false);
        }
    };
    let written = written(&received);
    for (name, value) in &written.headers {
        // Blanks at an end are lost on the way, and only a `tracestate` may have some inside.
        let inside = *name == header::TRACE_STATE && value.trim() == value && !value.is_empty();
        let plain = |byte: u8| byte.is_ascii_graphic() || inside && byte == b' ';
        let longest = if inside { 512 } else { 200 };
        let fits = value.bytes().all(plain) && value.len() <= longest;
        prop_assert!(fits, "{name}: {value:?}");
    }
    let again = read_with(written.subject, &borrowed(&written.headers), &written.body);
    let again = again.map_err(|reason| TestCaseError::fail(reason.to_string()))?;
    prop_assert_eq!(&again.event, &received.event);
    prop_assert_eq!(&again.meta, &received.meta);
    prop_assert_eq!(again.origin, origin(7));
    Ok(true)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn no_bytes_on_any_subject_bring_a_reader_down(
        subject in subject(),
        headers in headers(),
        payload in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        round(&subject, &headers, &payload)?;
    }

    #[test]
    fn what_is_accepted_is_written_back_and_read_as_the_same(
        subject in subject(),
        headers in headers(),
        body in nearly_right(),
    ) {
        round(&subject, &headers, body.to_string().as_bytes())?;
    }

    #[test]
    fn what_is_accepted_in_structured_mode_is_written_back_and_read_as_the_same(
        subject in subject(),
        mut headers in headers(),
        body in nearly_structured(),
    ) {
        headers.push((header::CONTENT_TYPE, "application/cloudevents+json".to_owned()));
        round(&subject, &headers, body.to_string().as_bytes())?;
    }
}

/// The tests above would also pass if nothing were accepted.
#[test]
fn enough_of_what_is_made_up_is_accepted() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut accepted = 0;
    for _ in 0..500 {
        let case = (subject(), headers(), nearly_right());
        let tree = case.new_tree(&mut runner).unwrap();
        let (subject, headers, body) = tree.current();
        let is_accepted = round(&subject, &headers, body.to_string().as_bytes());
        accepted += usize::from(is_accepted.unwrap());
    }
    assert!(accepted > 100, "{accepted}");
}
