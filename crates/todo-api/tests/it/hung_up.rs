//! Callers with an `Idempotency-Key` that disconnect, and come back

use std::time::{Duration, Instant};

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use events::ItemId;
use serde_json::{Value, json};
use testkit::eventually;

use crate::app::{Answer, TestApp, json_request};

/// Shorter than the lease of a key, and than any wait for a save.
const AT_ONCE: Duration = Duration::from_secs(2);

const SOON: Duration = Duration::from_secs(10);

fn keyed(method: &str, path: &str, body: &Value) -> Request<Body> {
    let mut request = json_request(method, path, body);
    let headers = request.headers_mut();
    headers.insert("idempotency-key", "k".parse().unwrap());
    headers.insert("prefer", "wait=30".parse().unwrap());
    request
}

fn milk() -> Request<Body> {
    keyed("POST", "/todo", &json!({ "item": "buy milk" }))
}

/// Sends the request again until the response is not 409, which has to be at once.
async fn comes_back(app: &TestApp, request: impl Fn() -> Request<Body>) -> Answer {
    let started = Instant::now();
    let answer = eventually("it is answered", SOON, async || {
        let answer = app.send(request()).await;
        (answer.status != StatusCode::CONFLICT)
            .then_some(answer)
            .ok_or("in flight")
    })
    .await;
    assert!(started.elapsed() < AT_ONCE, "{:?}", started.elapsed());
    answer
}

#[tokio::test]
async fn who_hangs_up_while_waiting_and_comes_back_hears_at_once_that_it_was_accepted() {
    let mut app = TestApp::start().await;
    let first = app.begin(milk());
    app.next().await;
    first.abort();
    let _ = first.await;
    let again = comes_back(&app, milk).await;
    assert_eq!(again.accepted(), ItemId::from_key("k").to_string());
    assert_eq!(again.header("idempotency-replayed"), "true");
}

/// For example when the network fails, or where a proxy keeps its connection to us.
#[tokio::test]
async fn the_same_holds_where_nobody_notices_that_the_caller_has_gone() {
    let mut app = TestApp::start().await;
    let first = app.begin(milk());
    let event = app.next().await;
    let again = comes_back(&app, milk).await;
    again.accepted();
    // Who has stayed hears of the save, and from then on everybody.
    app.save_one(&event).await;
    let first = first.await.unwrap();
    assert_eq!(first.status, StatusCode::CREATED, "{}", first.body);
    let late = comes_back(&app, milk).await;
    assert_eq!((late.status, late.body), (first.status, first.body));
}

#[tokio::test]
async fn each_kind_of_change_is_answered_at_once_to_who_comes_back() {
    let mut app = TestApp::start().await;
    let id = app.has("buy milk").await;
    let path = format!("/todo/{id}");
    let rename = json!({ "item": "buy oat milk" });
    for (method, body) in [("PATCH", rename), ("DELETE", Value::Null)] {
        let request = || {
            let mut request = keyed(method, &path, &body);
            let headers = request.headers_mut();
            headers.insert("idempotency-key", method.parse().unwrap());
            request
        };
        let first = app.begin(request());
        app.next().await;
        first.abort();
        let _ = first.await;
        comes_back(&app, request).await.accepted();
    }
}

/// Such requests are answered after the save, so a repeated one waits for that.
#[tokio::test]
async fn who_comes_back_to_a_todo_backend_waits_for_the_save_of_what_was_accepted() {
    let mut app = TestApp::start().await;
    let todo = || keyed("POST", "/todos", &json!({ "title": "buy milk" }));
    let first = app.begin(todo());
    let event = app.next().await;
    let unnoticed = app.begin(todo());
    first.abort();
    let _ = first.await;
    app.save_one(&event).await;
    for again in [unnoticed.await.unwrap(), comes_back(&app, todo).await] {
        assert_eq!(again.status, StatusCode::CREATED, "{}", again.body);
        assert_eq!(again.body["title"], "buy milk");
    }
    let list = app.get("/todos").await;
    assert_eq!(list.body.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn who_hangs_up_while_a_list_is_cleared_may_clear_it_at_once() {
    let mut app = TestApp::start().await;
    app.has("buy milk").await;
    let clear = || keyed("DELETE", "/todos", &Value::Null);
    let first = app.begin(clear());
    let event = app.next().await;
    first.abort();
    let _ = first.await;
    app.save_one(&event).await;
    let again = comes_back(&app, clear).await;
    assert_eq!(again.status, StatusCode::NO_CONTENT, "{}", again.body);
}

#[tokio::test]
async fn who_hangs_up_while_the_broker_is_frozen_is_answered_when_it_goes_on() {
    for (path, body) in [
        ("/todo", json!({ "item": "buy milk" })),
        ("/todo/batch", json!([{ "item": "a" }, { "item": "b" }])),
    ] {
        let app = TestApp::start().await;
        app.broker.stall();
        let request = || {
            let mut request = keyed("POST", path, &body);
            request.headers_mut().remove("prefer");
            request
        };
        let first = app.begin(request());
        // The note that takes the key is on its way before this, which is refused.
        app.send(json_request("POST", "/todo", &json!({ "item": "-" })))
            .await;
        first.abort();
        let _ = first.await;
        app.broker.restore().await;
        let again = comes_back(&app, request).await;
        assert!(again.status.is_success(), "{}", again.body);
    }
}

/// The entries that take and release the key may be stored though the broker does not confirm them.
#[tokio::test]
async fn who_heard_that_the_broker_does_not_answer_is_answered_when_it_does() {
    let app = TestApp::start().await;
    app.broker.stall();
    let answer = app.send(milk()).await;
    answer.refuses(
        StatusCode::SERVICE_UNAVAILABLE,
        "unavailable",
        "send it again",
    );
    app.broker.restore().await;
    let request = || {
        let mut request = milk();
        request.headers_mut().remove("prefer");
        request
    };
    let answer = comes_back(&app, request).await;
    answer.accepted();
}
