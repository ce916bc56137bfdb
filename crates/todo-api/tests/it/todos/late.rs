//! Writes that are not saved in time, not accepted, or sent again.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use events::{Event, ItemDeleted};
use serde_json::json;
use testkit::eventually;

use super::{bare, has, patch, post, saved};
use crate::app::TestApp;

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn what_is_accepted_and_not_saved_in_time_is_said_to_be_so_and_is_saved_later() {
    let mut app = TestApp::start().await;
    let path = has(&mut app, "/todos", "buy milk").await;
    let late = app.begin(post("/todos", &json!({ "title": "late" })));
    let event = app.next().await;
    // Nobody waits for a process that is about to end, so this need not take ten seconds.
    app.stop.cancel();
    let late = late.await.unwrap();
    late.refuses(
        StatusCode::GATEWAY_TIMEOUT,
        "not-saved-in-time",
        "will be saved",
    );
    let location = late.header("location").to_owned();
    for request in [
        patch(&path, &json!({ "completed": true })),
        bare("DELETE", &path),
    ] {
        let answer = app.begin(request).await.unwrap();
        answer.refuses(
            StatusCode::GATEWAY_TIMEOUT,
            "not-saved-in-time",
            "will be saved",
        );
    }
    let answer = app.send(bare("DELETE", "/todos")).await;
    answer.refuses(StatusCode::GATEWAY_TIMEOUT, "not-cleared-in-time", "again");
    app.save_one(&event).await;
    assert_eq!(app.get(&location).await.body["title"], "late");
    assert_eq!(app.replies.awaited(), 0);
}

#[tokio::test]
async fn a_write_waits_ten_seconds_at_most() {
    let app = TestApp::start().await;
    let started = Instant::now();
    let answer = app.send(post("/todos", &json!({ "title": "late" }))).await;
    answer.refuses(StatusCode::GATEWAY_TIMEOUT, "not-saved-in-time", "10 s");
    assert!(started.elapsed() < Duration::from_secs(12));
}

/// A second run beside the first would delete todos that others added meanwhile.
#[tokio::test]
async fn as_long_as_a_write_may_wait_the_same_with_its_key_is_told_to_come_back() {
    let mut app = TestApp::start().await;
    has(&mut app, "/todos", "buy milk").await;
    app.published().await;
    let clear = || {
        let mut request = bare("DELETE", "/todos");
        let headers = request.headers_mut();
        headers.insert("idempotency-key", "k".parse().unwrap());
        request
    };
    let started = Instant::now();
    let first = app.begin(clear());
    let deletion = app.next().await;
    eventually("nearly ten seconds are over", PATIENCE, async || {
        let again = app.send(clear()).await;
        again.refuses(StatusCode::CONFLICT, "request-in-flight", "send it again");
        started.elapsed() > Duration::from_secs(9)
    })
    .await;
    app.save_one(&deletion).await;
    assert_eq!(first.await.unwrap().status, StatusCode::NO_CONTENT);
    assert!(app.published().await.is_empty());
}

#[tokio::test]
async fn while_the_broker_or_the_database_is_away_nothing_is_accepted_in_part() {
    let mut app = TestApp::start().await;
    let path = has(&mut app, "/todos", "buy milk").await;
    app.published().await;
    app.broker.cut().await;
    let started = Instant::now();
    for request in [
        post("/todos", &json!({ "title": "x", "order": 1 })),
        bare("DELETE", "/todos"),
        bare("DELETE", &path),
    ] {
        let answer = app.send(request).await;
        answer.refuses(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "send it again",
        );
        assert_eq!(answer.header("retry-after"), "1");
    }
    assert!(started.elapsed() < Duration::from_secs(6));
    app.database.cut().await;
    let answer = app.send(patch(&path, &json!({ "completed": true }))).await;
    answer.refuses(
        StatusCode::SERVICE_UNAVAILABLE,
        "unavailable",
        "cannot be read",
    );
    assert_eq!(app.replies.awaited(), 0);
}

#[tokio::test]
async fn a_todo_that_is_sent_again_with_its_key_is_one_todo() {
    let mut app = TestApp::start().await;
    let todo = json!({ "title": "buy milk", "order": 5 });
    let with_key = || {
        let mut request = post("/todos", &todo);
        request
            .headers_mut()
            .insert("idempotency-key", "k".parse().unwrap());
        request
    };
    let first = saved(&mut app, 2, with_key()).await;
    // The stream does not store them again.
    app.forget("k").await;
    let second = app.send(with_key()).await;
    assert_eq!(
        (first.status, second.status),
        (StatusCode::CREATED, StatusCode::CREATED)
    );
    assert_eq!(second.body["title"], "buy milk");
    let list = app.get("/todos").await;
    assert_eq!(list.body.as_array().unwrap().len(), 1);
    let deleted = app.published().await;
    assert!(
        deleted
            .iter()
            .all(|event| event.subject() != ItemDeleted::SUBJECT)
    );
}
