//! Operations that still work while a part of the system is unavailable.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use serde_json::json;
use testkit::eventually;

use crate::app::{Answer, TestApp, json_request};

/// Promised limit of the answer to a change while the broker is unavailable.
const PROMISE: Duration = Duration::from_secs(2);

const LONG: Duration = Duration::from_secs(10);

fn says_later(answer: &Answer, advice: &str) {
    answer.refuses(StatusCode::SERVICE_UNAVAILABLE, "unavailable", advice);
    assert_eq!(answer.header("retry-after"), "1");
}

#[tokio::test]
async fn without_the_broker_nothing_is_accepted_and_everything_can_be_read() {
    let mut app = TestApp::start().await;
    let id = app.has("buy milk").await;
    app.broker.cut().await;
    let start = Instant::now();
    says_later(
        &app.post("/todo", &json!({"item": "x"})).await,
        "send it again",
    );
    assert!(start.elapsed() < PROMISE);
    let patch = json!({"item": "x", "completed": true, "order": 1});
    says_later(&app.patch(&id, &patch).await, "send it again");
    says_later(&app.delete(&id).await, "send it again");
    assert_eq!(app.get("/todo").await.status, StatusCode::OK);
    assert_eq!(app.get(&format!("/todo/{id}")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_request_that_is_sent_until_it_is_accepted_makes_one_item() {
    let mut app = TestApp::start().await;
    app.broker.cut().await;
    let send = async || {
        let mut request = json_request("POST", "/todo", &json!({"item": "buy milk"}));
        request
            .headers_mut()
            .insert("idempotency-key", "k".parse().unwrap());
        app.send(request).await.status == StatusCode::ACCEPTED
    };
    assert!(!send().await);
    app.broker.restore().await;
    eventually("accepted", LONG, send).await;
    app.save().await;
    let list = app.get("/todo").await;
    assert_eq!(list.body["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_broker_that_does_not_answer_is_not_waited_for() {
    let mut app = TestApp::start().await;
    let id = app.has("buy milk").await;
    app.broker.stall();
    let start = Instant::now();
    says_later(
        &app.post("/todo", &json!({"item": "x"})).await,
        "send it again",
    );
    assert!(start.elapsed() < PROMISE, "{:?}", start.elapsed());
    let start = Instant::now();
    let patch = json!({"item": "x", "completed": true, "order": 1});
    says_later(&app.patch(&id, &patch).await, "send it again");
    assert!(start.elapsed() < PROMISE, "{:?}", start.elapsed());
}

#[tokio::test]
async fn without_the_database_everything_is_accepted_and_nothing_can_be_read() {
    let mut app = TestApp::start().await;
    let id = app.has("buy milk").await;
    app.database.cut().await;
    let start = Instant::now();
    says_later(&app.get("/todo").await, "cannot be read now");
    says_later(&app.get(&format!("/todo/{id}")).await, "cannot be read now");
    assert!(
        start.elapsed() < Duration::from_secs(4),
        "{:?}",
        start.elapsed()
    );
    app.post("/todo", &json!({"item": "buy bread"}))
        .await
        .accepted();
    app.patch(&id, &json!({"completed": true})).await.accepted();
    app.delete(&id).await.accepted();
    assert_eq!(app.published().await.len(), 3);

    app.database.restore().await;
    eventually("readable again", LONG, async || {
        app.get("/todo").await.status == StatusCode::OK
    })
    .await;
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_not_waited_for_long() {
    let mut app = TestApp::start().await;
    let id = app.has("buy milk").await;
    app.database.stall();
    let start = Instant::now();
    app.patch(&id, &json!({"completed": true})).await.accepted();
    assert!(start.elapsed() < PROMISE, "{:?}", start.elapsed());
    let start = Instant::now();
    says_later(&app.get("/todo").await, "cannot be read now");
    assert!(
        start.elapsed() < Duration::from_secs(4),
        "{:?}",
        start.elapsed()
    );
}
