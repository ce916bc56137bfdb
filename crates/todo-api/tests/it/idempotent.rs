//! `Idempotency-Key`

use std::time::Duration;

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use events::ItemId;
use serde_json::{Value, json};
use testkit::eventually;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

use crate::app::{Answer, KEYS, TestApp, json_request};

/// UUID namespace of fingerprints of a request's method, address and body.
const FINGERPRINTS: Uuid = Uuid::from_u128(0x3f91_66c8_2a0b_5d7e_b4d3_18f5_a07c_e926);

const SOON: Duration = Duration::from_secs(10);

fn keyed(key: &str, method: &str, path: &str, body: &Value) -> Request<Body> {
    let mut request = json_request(method, path, body);
    let headers = request.headers_mut();
    headers.insert("idempotency-key", key.parse().unwrap());
    request
}

fn post(key: &str, item: &str) -> Request<Body> {
    keyed(key, "POST", "/todo", &json!({ "item": item }))
}

fn waiting(mut request: Request<Body>) -> Request<Body> {
    let headers = request.headers_mut();
    headers.insert("prefer", "wait=2".parse().unwrap());
    request
}

/// Asserts that `second` is a replay of `first` and is marked as one.
fn is_replayed(first: &Answer, second: &Answer) {
    assert_eq!(first.header("idempotency-replayed"), "");
    assert_eq!(second.header("idempotency-replayed"), "true");
    assert_eq!((first.status, &first.body), (second.status, &second.body));
    for (name, value) in &first.headers {
        if name != "x-request-id" {
            assert_eq!(second.headers.get(name), Some(value), "{name}");
        }
    }
    assert_ne!(first.header("x-request-id"), second.header("x-request-id"));
}

#[tokio::test]
async fn a_request_that_is_sent_again_is_answered_as_before_and_publishes_nothing() {
    let mut app = TestApp::start().await;
    let first = app.send(post("k", "buy milk")).await;
    first.accepted();
    is_replayed(&first, &app.send(post("k", "buy milk")).await);
    let published = app.published().await;
    assert_eq!(published.len(), 1);
    app.save_one(&published[0]).await;

    let id = ItemId::from_key("k");
    let path = format!("/todo/{id}");
    let change = json!({ "completed": true, "order": 5 });
    for (method, path, body) in [
        ("PATCH", path.as_str(), change),
        (
            "POST",
            "/todo/batch",
            json!([{ "item": "a" }, { "item": "" }]),
        ),
        ("DELETE", path.as_str(), Value::Null),
    ] {
        let first = app.send(keyed(method, method, path, &body)).await;
        assert!(first.status.is_success(), "{}", first.body);
        is_replayed(&first, &app.send(keyed(method, method, path, &body)).await);
    }
}

/// A later change of the item makes no difference.
#[tokio::test]
async fn what_was_saved_when_it_was_asked_for_is_answered_again_as_it_was_then() {
    let mut app = TestApp::start().await;
    let answer = app.begin(waiting(post("k", "buy milk")));
    app.save_next().await;
    let first = answer.await.unwrap();
    assert_eq!(first.status, StatusCode::CREATED, "{}", first.body);
    app.delete(first.body["id"].as_str().unwrap())
        .await
        .accepted();
    app.save().await;
    is_replayed(&first, &app.send(waiting(post("k", "buy milk"))).await);
}

#[tokio::test]
async fn a_key_of_another_request_is_refused() {
    let mut app = TestApp::start().await;
    app.send(post("k", "buy milk")).await.accepted();
    let id = ItemId::from_key("k");
    for request in [
        post("k", "buy bread"),
        keyed(
            "k",
            "POST",
            "/todo?list=work",
            &json!({ "item": "buy milk" }),
        ),
        keyed(
            "k",
            "PATCH",
            &format!("/todo/{id}"),
            &json!({ "item": "buy milk" }),
        ),
        keyed("k", "DELETE", &format!("/todo/{id}"), &Value::Null),
        keyed("k", "POST", "/todo/batch", &json!([{ "item": "buy milk" }])),
        keyed("k", "POST", "/todos", &json!({ "title": "buy milk" })),
    ] {
        let answer = app.send(request).await;
        let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
        answer.refuses(unprocessable, "idempotency-key-reused", "another request");
    }
    assert_eq!(app.published().await.len(), 1);
    // Keys have nothing to do with each other.
    app.send(post("K", "buy bread")).await.accepted();
}

/// Writes the entry of a request `POST /todo {"item":"buy milk"}` that holds the key `k` until then and never
/// stores a response, as if the process had died.
async fn taken(app: &TestApp, until: OffsetDateTime) {
    let text = b"POST\n/todo\n{\"item\":\"buy milk\"}";
    let note = json!({
        "state": "taken",
        "fingerprint": Uuid::new_v5(&FINGERPRINTS, text),
        "until": until.format(&Rfc3339).unwrap(),
    });
    let key = Uuid::new_v5(&KEYS, b"k");
    let noted = app.observer().put_entry(key, 0, note.to_string().into());
    noted.await.unwrap();
}

#[tokio::test]
async fn a_key_that_was_taken_by_a_clock_that_is_years_ahead_is_not_taken_for_years() {
    let mut app = TestApp::start().await;
    let hours = OffsetDateTime::now_utc() + Duration::from_hours(1);
    taken(&app, hours).await;
    let answer = app.send(post("k", "buy milk")).await;
    assert_eq!(answer.accepted(), ItemId::from_key("k").to_string());
    assert_eq!(app.published().await.len(), 1);
}

#[tokio::test]
async fn a_key_that_is_taken_is_free_again_for_the_same_request_when_its_time_is_over() {
    let mut app = TestApp::start().await;
    taken(&app, OffsetDateTime::now_utc() + Duration::from_secs(1)).await;
    let second = app.send(post("k", "buy milk")).await;
    second.refuses(StatusCode::CONFLICT, "request-in-flight", "send it again");
    assert_eq!(second.header("retry-after"), "1");
    let other = app.send(post("k", "buy bread")).await;
    let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
    other.refuses(unprocessable, "idempotency-key-reused", "another request");
    let answer = eventually("it is taken over", SOON, async || {
        let answer = app.send(post("k", "buy milk")).await;
        (answer.status != StatusCode::CONFLICT)
            .then_some(answer)
            .ok_or("in flight")
    })
    .await;
    assert_eq!(answer.accepted(), ItemId::from_key("k").to_string());
    assert_eq!(app.published().await.len(), 1);
}

#[tokio::test]
async fn of_many_at_the_same_time_one_is_accepted_and_the_others_hear_of_it() {
    let mut app = TestApp::start().await;
    let all: Vec<_> = (0..20).map(|_| app.begin(post("k", "buy milk"))).collect();
    let mut accepted = 0;
    for answer in all {
        let answer = answer.await.unwrap();
        if answer.status == StatusCode::CONFLICT {
            continue;
        }
        answer.accepted();
        accepted += usize::from(answer.header("idempotency-replayed").is_empty());
    }
    assert_eq!(accepted, 1);
    assert_eq!(app.published().await.len(), 1);
}

#[tokio::test]
async fn what_was_refused_as_it_stands_may_be_corrected_under_its_key() {
    let mut app = TestApp::start().await;
    let refused = app.send(post("k", " ")).await;
    refused.refuses(
        StatusCode::UNPROCESSABLE_ENTITY,
        "invalid-field",
        "`errors`",
    );
    let refused = app.send(post("k", "")).await;
    refused.refuses(
        StatusCode::UNPROCESSABLE_ENTITY,
        "invalid-field",
        "`errors`",
    );
    app.send(post("k", "buy milk")).await.accepted();
    assert_eq!(app.published().await.len(), 1);
}

#[tokio::test]
async fn what_could_not_be_accepted_may_be_sent_again_at_once() {
    let app = TestApp::start().await;
    app.broker.cut().await;
    let away = app.send(post("k", "buy milk")).await;
    away.refuses(
        StatusCode::SERVICE_UNAVAILABLE,
        "unavailable",
        "send it again",
    );
    app.broker.restore().await;
    eventually("it is accepted", SOON, async || {
        app.send(post("k", "buy milk")).await.status == StatusCode::ACCEPTED
    })
    .await;
}

#[tokio::test]
async fn an_item_that_is_not_there_yet_may_be_asked_for_again_under_the_same_key() {
    let mut app = TestApp::start().await;
    let id = ItemId::from_key("later");
    let complete = || {
        keyed(
            "k",
            "PATCH",
            &format!("/todo/{id}"),
            &json!({ "completed": true }),
        )
    };
    let early = app.send(complete()).await;
    assert_eq!(early.status, StatusCode::NOT_FOUND, "{}", early.body);
    app.send(post("later", "buy milk")).await.accepted();
    app.save().await;
    let late = app.send(complete()).await;
    late.accepted();
    is_replayed(&late, &app.send(complete()).await);
}

#[tokio::test]
async fn a_todo_of_a_todo_backend_is_answered_again_with_its_address() {
    let mut app = TestApp::start().await;
    let todo = || keyed("k", "POST", "/todos", &json!({ "title": "buy milk" }));
    let answer = app.begin(todo());
    app.save_next().await;
    let first = answer.await.unwrap();
    assert_eq!(first.status, StatusCode::CREATED, "{}", first.body);
    assert_eq!(
        first.header("location"),
        first.body["url"].as_str().unwrap()
    );
    is_replayed(&first, &app.send(todo()).await);
}

#[tokio::test]
async fn the_same_in_another_list_is_another_request() {
    let mut app = TestApp::start().await;
    let todo = |list: &str| {
        let path = format!("/lists/{list}/todos");
        keyed("k", "POST", &path, &json!({ "title": "buy milk" }))
    };
    let answer = app.begin(todo("home"));
    app.save_next().await;
    assert_eq!(answer.await.unwrap().status, StatusCode::CREATED);
    let answer = app.send(todo("work")).await;
    let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
    answer.refuses(unprocessable, "idempotency-key-reused", "another request");
}

#[tokio::test]
async fn without_a_key_nothing_is_noted() {
    let app = TestApp::start().await;
    let mut notes = app.observer().subscribe("ledger.*").await.unwrap();
    for _ in 0..2 {
        app.post("/todo", &json!({ "item": "buy milk" }))
            .await
            .accepted();
    }
    app.send(post("k", "buy milk")).await.accepted();
    let first = notes.next().await.unwrap();
    let key = Uuid::new_v5(&KEYS, b"k");
    assert_eq!(first.subject(), format!("ledger.{}", key.as_simple()));
}
