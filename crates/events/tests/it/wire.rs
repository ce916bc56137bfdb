//! Snapshots of events on the wire. They stay as they are for ever: an event that was published once must
//! be readable as long as somebody may keep it.

use events::{
    Envelope, Event, EventId, ItemCompleted, ItemDeleted, ItemId, ItemMoved, ItemRenamed,
    ItemReopened, ItemRestored, ItemSaved, NewItem, ReplyTo, SaveReply, header,
};
use insta::{assert_json_snapshot, assert_snapshot};
use time::macros::datetime;
use uuid::uuid;

const ID: uuid::Uuid = uuid!("019a8f6e-3c00-7aaa-8bbb-0123456789ab");

fn id() -> ItemId {
    ID.into()
}

#[test]
fn a_new_item_is_flat_json_in_camel_case() {
    let event = NewItem {
        id: Some(id()),
        list: Some("shopping".parse().unwrap()),
        item: "buy milk".parse().unwrap(),
        added_at: Some(datetime!(2026-11-20 12:00:00.5 UTC)),
    };
    assert_json_snapshot!(event, @r#"
    {
      "id": "019a8f6e-3c00-7aaa-8bbb-0123456789ab",
      "list": "shopping",
      "item": "buy milk",
      "addedAt": "2026-11-20T12:00:00.5Z"
    }
    "#);
}

#[test]
fn a_new_item_leaves_out_what_its_publisher_left_out() {
    let event = NewItem {
        id: None,
        list: None,
        item: "buy milk".parse().unwrap(),
        added_at: None,
    };
    assert_json_snapshot!(event, @r#"
    {
      "item": "buy milk"
    }
    "#);
}

#[test]
fn changes_name_the_item_and_what_is_new() {
    let item = "oat milk".parse().unwrap();
    assert_snapshot!(body(&ItemRenamed { id: id(), item }), @r#"{"id":"019a8f6e-3c00-7aaa-8bbb-0123456789ab","item":"oat milk"}"#);
    assert_snapshot!(body(&ItemCompleted { id: id() }), @r#"{"id":"019a8f6e-3c00-7aaa-8bbb-0123456789ab"}"#);
    assert_snapshot!(body(&ItemReopened { id: id() }), @r#"{"id":"019a8f6e-3c00-7aaa-8bbb-0123456789ab"}"#);
    let order = 1.5.try_into().unwrap();
    assert_snapshot!(body(&ItemMoved { id: id(), order }), @r#"{"id":"019a8f6e-3c00-7aaa-8bbb-0123456789ab","order":1.5}"#);
    assert_snapshot!(body(&ItemDeleted { id: id() }), @r#"{"id":"019a8f6e-3c00-7aaa-8bbb-0123456789ab"}"#);
    assert_snapshot!(body(&ItemRestored { id: id() }), @r#"{"id":"019a8f6e-3c00-7aaa-8bbb-0123456789ab"}"#);
}

fn saved() -> ItemSaved {
    ItemSaved {
        id: id(),
        list: "default".parse().unwrap(),
        item: "홍보 비디오 촬영".parse().unwrap(),
        completed: true,
        order: 1_763_640_000.25.try_into().unwrap(),
        deleted: false,
        added_at: datetime!(2026-11-20 12:00 UTC),
        version: 3,
        cause: EventId::from(ID),
    }
}

#[test]
fn a_saved_item_has_its_whole_state() {
    assert_json_snapshot!(saved(), @r#"
    {
      "id": "019a8f6e-3c00-7aaa-8bbb-0123456789ab",
      "list": "default",
      "item": "홍보 비디오 촬영",
      "completed": true,
      "order": 1763640000.25,
      "deleted": false,
      "addedAt": "2026-11-20T12:00:00Z",
      "version": 3,
      "cause": "019a8f6e-3c00-7aaa-8bbb-0123456789ab"
    }
    "#);
}

#[test]
fn an_envelope_is_a_cloud_event_whose_id_is_the_message_id() {
    let event = ItemCompleted { id: id() };
    let at = datetime!(2026-11-20 12:00 UTC);
    let envelope = Envelope::seal(&event, ID.into(), "todo-web", at)
        .with(header::CORRELATION_ID, Some("request-1".to_owned()))
        .with(header::REPLY_TO, None);
    assert_eq!(envelope.subject, "events.todo.itemcompleted");
    let headers: Vec<_> = envelope
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    assert_snapshot!(headers.join("\n"), @"
    Nats-Msg-Id: 019a8f6e-3c00-7aaa-8bbb-0123456789ab
    ce-specversion: 1.0
    ce-id: 019a8f6e-3c00-7aaa-8bbb-0123456789ab
    ce-source: /todo-web
    ce-type: ItemCompleted
    ce-time: 2026-11-20T12:00:00Z
    content-type: application/json
    ce-correlationid: request-1
    ");
}

#[test]
fn an_event_that_somebody_waits_for_says_where() {
    let event = ItemCompleted { id: id() };
    let at = datetime!(2026-11-20 12:00 UTC);
    let envelope = Envelope::seal(&event, ID.into(), "todo-api", at).with(
        header::REPLY_TO,
        Some("replies.todo-api.019a8f6e3c007aaa8bbb0123456789ab.17".to_owned()),
    );
    let (name, value) = envelope.headers.last().unwrap();
    assert_snapshot!(format!("{name}: {value}"), @"reply-to: replies.todo-api.019a8f6e3c007aaa8bbb0123456789ab.17");
}

#[test]
fn an_answer_has_the_saved_item_and_the_correlation_id_of_the_event() {
    let reply = SaveReply {
        saved: Some(saved()),
    };
    assert_json_snapshot!(reply, @r#"
    {
      "saved": {
        "id": "019a8f6e-3c00-7aaa-8bbb-0123456789ab",
        "list": "default",
        "item": "홍보 비디오 촬영",
        "completed": true,
        "order": 1763640000.25,
        "deleted": false,
        "addedAt": "2026-11-20T12:00:00Z",
        "version": 3,
        "cause": "019a8f6e-3c00-7aaa-8bbb-0123456789ab"
      }
    }
    "#);
    let to = ReplyTo::parse("replies.todo-api.a.17").unwrap();
    let reply = reply.seal(to, Some("request-1".to_owned()));
    let headers: Vec<_> = reply
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    assert_snapshot!(headers.join("\n"), @r"
    content-type: application/json
    ce-correlationid: request-1
    ");
    assert_eq!(reply.to.as_str(), "replies.todo-api.a.17");
}

#[test]
fn the_answer_for_an_item_that_nobody_added_has_none() {
    let none = SaveReply { saved: None };
    assert_snapshot!(serde_json::to_string(&none).unwrap(), @r#"{"saved":null}"#);
    assert_eq!(serde_json::from_str::<SaveReply>("{}").unwrap(), none);
}

#[test]
fn every_subject_is_its_type_in_lower_case() {
    fn holds<E: Event>() -> bool {
        E::SUBJECT == format!("events.todo.{}", E::TYPE.to_lowercase())
    }
    assert!(holds::<NewItem>() && holds::<ItemRenamed>() && holds::<ItemCompleted>());
    assert!(holds::<ItemReopened>() && holds::<ItemMoved>() && holds::<ItemDeleted>());
    assert!(holds::<ItemRestored>() && holds::<ItemSaved>());
}

fn body<E: Event>(event: &E) -> String {
    serde_json::to_string(event).unwrap()
}
