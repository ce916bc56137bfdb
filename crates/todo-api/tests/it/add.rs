//! `POST /todo`

use events::{Event, ItemId, NewItem};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::{TestApp, json_request};
use axum::http::StatusCode;

const UNPROCESSABLE: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;

#[tokio::test]
async fn an_accepted_item_is_published_under_the_id_in_the_answer() {
    let mut app = TestApp::start().await;
    let answer = app
        .post("/todo", &json!({"item": " 홍보 비디오 촬영 "}))
        .await;
    let id = answer.accepted();
    assert_eq!(
        answer.body,
        json!({"id": id, "list": "default", "item": "홍보 비디오 촬영"})
    );
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(id.parse::<Uuid>().unwrap().get_version_num(), 7);

    let published = app.published().await;
    let [event] = &published[..] else {
        panic!("one event: {published:?}")
    };
    assert_eq!(event.subject(), NewItem::SUBJECT);
    assert_eq!(event.header("Nats-Msg-Id"), Some(id.as_str()));
    assert_eq!(event.header("ce-id"), Some(id.as_str()));
    assert_eq!(event.header("ce-source"), Some("/todo-api"));
    assert_eq!(
        event.header("ce-correlationid"),
        Some(answer.header("x-request-id"))
    );
    let body: NewItem = serde_json::from_slice(event.payload()).unwrap();
    assert_eq!(body.id.unwrap().to_string(), id);
    assert_eq!(body.item.as_str(), "홍보 비디오 촬영");
    assert_eq!(body.list.unwrap().as_str(), "default");
    assert!(body.added_at.is_some());
}

#[tokio::test]
async fn the_list_may_be_named_in_the_body_or_in_the_address() {
    let mut app = TestApp::start().await;
    for (path, body) in [
        ("/todo", json!({"item": "x", "list": "work"})),
        ("/todo?list=work", json!({"item": "x"})),
        ("/todo?list=%20work", json!({"item": "x", "list": "work "})),
    ] {
        let answer = app.post(path, &body).await;
        answer.accepted();
        assert_eq!(answer.body["list"], "work");
        let published = app.published().await;
        let body: Value = serde_json::from_slice(published[0].payload()).unwrap();
        assert_eq!(body["list"], "work");
    }
    let answer = app
        .post("/todo?list=home", &json!({"item": "x", "list": "work"}))
        .await;
    answer.refuses(UNPROCESSABLE, "invalid-field", "`errors`");
    assert_eq!(
        answer.faults(),
        [("list", "must not be another one than in the address")]
    );
    assert!(app.published().await.is_empty());
}

#[tokio::test]
async fn a_request_that_is_repeated_with_its_key_makes_one_item() {
    let mut app = TestApp::start().await;
    let send = async |key: &str| {
        let mut request = json_request("POST", "/todo", &json!({"item": "buy milk"}));
        request
            .headers_mut()
            .insert("idempotency-key", key.parse().unwrap());
        app.send(request).await.accepted()
    };
    let id = send("order 66").await;
    assert_eq!(id, ItemId::from_key("order 66").to_string());
    assert_eq!(send("order 66").await, id);
    assert_ne!(send(&"~".repeat(255)).await, id);
    app.save().await;
    let list = app.get("/todo").await;
    assert_eq!(list.body["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_bad_key_is_refused() {
    let mut app = TestApp::start().await;
    let long = "x".repeat(256);
    for keys in [
        vec![""],
        vec![long.as_str()],
        vec!["키"],
        vec!["a\tb"],
        vec!["a", "a"],
    ] {
        let mut request = json_request("POST", "/todo", &json!({"item": "x"}));
        for key in keys {
            let key = key.as_bytes().try_into().unwrap();
            request.headers_mut().append("idempotency-key", key);
        }
        let answer = app.send(request).await;
        answer.refuses(
            StatusCode::BAD_REQUEST,
            "bad-idempotency-key",
            "1 to 255 printable ASCII",
        );
    }
    assert!(app.published().await.is_empty());
}

#[tokio::test]
async fn a_bad_text_is_refused_with_what_to_change() {
    let mut app = TestApp::start().await;
    let long = "가".repeat(257);
    for (item, advice) in [
        (json!(""), "must not be empty or blank"),
        (json!(" \u{3000}\n"), "must not be empty or blank"),
        (json!(long), "must have at most 256 characters, has 257"),
        (
            json!("a\u{0}b"),
            "must not have control characters, has U+0000",
        ),
        (
            json!("a\nb"),
            "must not have control characters, has U+000A",
        ),
        (json!(5), "must be a text"),
        (json!(null), "must be a text"),
        (json!({"a": []}), "must be a text"),
    ] {
        let answer = app.post("/todo", &json!({"item": item})).await;
        answer.refuses(UNPROCESSABLE, "invalid-field", "`errors`");
        assert_eq!(answer.faults(), [("item", advice)]);
    }
    assert!(app.published().await.is_empty());
    let answer = app.post("/todo", &json!({"item": "가".repeat(256)})).await;
    answer.accepted();
}

#[tokio::test]
async fn every_field_that_is_wrong_is_named() {
    let mut app = TestApp::start().await;
    let answer = app.post("/todo", &json!({"itm": "x", "list": " "})).await;
    answer.refuses(UNPROCESSABLE, "invalid-field", "`errors`");
    let faults = [
        ("item", "is missing"),
        ("list", "must not be empty or blank"),
        ("itm", "is not known here; known are `item` and `list`"),
    ];
    assert_eq!(answer.faults(), faults);
    let answer = app.post("/todo?list=%00", &json!({"item": false})).await;
    let faults = [
        ("item", "must be a text"),
        ("list", "must not have control characters, has U+0000"),
    ];
    assert_eq!(answer.faults(), faults);
    let long = "x".repeat(1000);
    let answer = app
        .post("/todo", &json!({"item": "x", long.as_str(): 1}))
        .await;
    assert_eq!(answer.faults()[0].0, "x".repeat(64));
    assert!(app.published().await.is_empty());
}

#[tokio::test]
async fn an_object_with_more_fields_than_anything_here_has_is_refused_without_naming_them() {
    let mut app = TestApp::start().await;
    let many = |count: usize| {
        let fields = (0..count).map(|n| (n.to_string(), n.into()));
        serde_json::Value::Object(fields.collect())
    };
    // With the one that is missing.
    assert_eq!(app.post("/todo", &many(32)).await.faults().len(), 33);
    let answer = app.post("/todo", &many(33)).await;
    let advice = "more than 32 fields; known are `item` and `list`";
    answer.refuses(UNPROCESSABLE, "invalid-field", advice);
    assert!(answer.faults().is_empty());
    assert!(app.published().await.is_empty());
}

#[tokio::test]
async fn a_callers_place_in_a_trace_goes_with_the_event_though_nobody_traces_here() {
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let mut app = TestApp::start().await;
    let mut request = json_request("POST", "/todo", &json!({"item": "buy milk"}));
    for (name, value) in [
        ("traceparent", parent),
        ("tracestate", "vendor=1"),
        ("tracestate", "other=2"),
    ] {
        request.headers_mut().append(name, value.parse().unwrap());
    }
    app.send(request).await.accepted();
    app.post("/todo", &json!({"item": "buy milk"}))
        .await
        .accepted();
    let published = app.published().await;
    assert_eq!(published[0].header("traceparent"), Some(parent));
    assert_eq!(published[0].header("tracestate"), Some("vendor=1,other=2"));
    assert_eq!(published[1].header("traceparent"), None);
}
