//! `GET /todo/{id}`

use std::time::{Duration, Instant};

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use events::{ItemCompleted, ItemEvent, ItemId};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::{Answer, TestApp, json_request};

const SOON: Duration = Duration::from_secs(5);

#[tokio::test]
async fn an_item_is_shown_as_it_was_saved() {
    let mut app = TestApp::start().await;
    let id = app.has("buy milk").await;
    let answer = app.get(&format!("/todo/{id}")).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-type"), "application/json");
    let (order, added_at) = (&answer.body["order"], &answer.body["addedAt"]);
    assert!(order.is_number() && added_at.as_str().unwrap().ends_with('Z'));
    let item = json!({
        "id": id, "list": "default", "item": "buy milk", "completed": false,
        "order": order, "addedAt": added_at, "version": 1,
    });
    assert_eq!(answer.body, item);
    let listed = app.get("/todo").await;
    assert_eq!(listed.body["items"], json!([item]), "the same as in a list");
}

#[tokio::test]
async fn an_item_that_does_not_exist_is_not_found() {
    let app = TestApp::start().await;
    let last_year = Uuid::from_u128(0x0199_0000_0000_7000_8000_0000_0000_0001);
    let others_key = ItemId::from_key("k");
    for id in [
        last_year.to_string(),
        others_key.to_string(),
        Uuid::max().to_string(),
        "1".to_owned(),
        "%3Cb%3E".to_owned(),
    ] {
        let started = Instant::now();
        let answer = app.get(&format!("/todo/{id}")).await;
        answer.refuses(StatusCode::NOT_FOUND, "not-found", "no item with this id");
        assert_eq!(answer.header("retry-after"), "");
        assert!(started.elapsed() < SOON);
    }
}

#[track_caller]
fn is_on_its_way(answer: &Answer) {
    let advice = "not saved yet; if it was accepted it appears in a moment: try again";
    answer.refuses(StatusCode::NOT_FOUND, "not-saved-yet", advice);
    assert_eq!(answer.header("retry-after"), "1");
}

#[tokio::test]
async fn an_item_that_was_accepted_is_on_its_way_until_it_is_saved() {
    let mut app = TestApp::start().await;
    let plain = app
        .post("/todo", &json!({"item": "buy milk"}))
        .await
        .accepted();
    let mut request = json_request("POST", "/todo", &json!({"item": "buy bread"}));
    let key = "k".parse().unwrap();
    request.headers_mut().insert("idempotency-key", key);
    let keyed = app.send(request).await.accepted();
    for id in [&plain, &keyed] {
        is_on_its_way(&app.get(&format!("/todo/{id}")).await);
        is_on_its_way(&app.patch(id, &json!({"completed": true})).await);
        is_on_its_way(&app.delete(id).await);
    }
    app.save().await;
    for id in [&plain, &keyed] {
        assert_eq!(app.get(&format!("/todo/{id}")).await.status, StatusCode::OK);
        app.delete(id).await.accepted();
    }
    app.save().await;
    for id in [&plain, &keyed] {
        let gone = app.get(&format!("/todo/{id}")).await;
        gone.refuses(StatusCode::NOT_FOUND, "not-found", "deleted");
    }
}

#[tokio::test]
async fn an_item_of_which_something_is_saved_already_is_on_its_way_whatever_its_age() {
    let mut app = TestApp::start().await;
    let id = ItemId::from_key("k");
    app.apply(&ItemEvent::Completed(ItemCompleted { id })).await;
    is_on_its_way(&app.get(&format!("/todo/{id}")).await);
}

#[tokio::test]
async fn who_waits_for_an_item_gets_it_when_it_is_saved() {
    let mut app = TestApp::start().await;
    let wait = |path: &str| {
        let request = Request::get(path).header("prefer", "wait=8");
        request.body(Body::empty()).unwrap()
    };
    let added = app.post("/todo", &json!({"item": "buy milk"})).await;
    let answer = app.begin(wait(added.header("location")));
    app.save_next().await;
    let answer = answer.await.unwrap();
    assert_eq!(
        (answer.status, answer.header("etag")),
        (StatusCode::OK, "\"1\"")
    );
    assert_eq!(answer.body["item"], "buy milk");

    let id = added.accepted();
    app.delete(&id).await.accepted();
    app.save().await;
    let started = Instant::now();
    let gone = app.send(wait(added.header("location"))).await;
    gone.refuses(StatusCode::NOT_FOUND, "not-found", "deleted");
    assert!(started.elapsed() < SOON, "nobody waits for what is gone");
}

#[tokio::test]
async fn who_waits_in_vain_is_told_to_try_again() {
    let app = TestApp::start().await;
    let wait = |id: String, wait: &str| {
        let request = Request::get(format!("/todo/{id}")).header("prefer", wait);
        app.send(request.body(Body::empty()).unwrap())
    };
    let started = Instant::now();
    is_on_its_way(&wait(Uuid::now_v7().to_string(), "wait=1").await);
    assert!(started.elapsed() >= Duration::from_secs(1));
    let started = Instant::now();
    app.stop.cancel();
    is_on_its_way(&wait(Uuid::now_v7().to_string(), "wait=30").await);
    assert!(
        started.elapsed() < SOON,
        "nobody waits for what is about to end"
    );
}

#[tokio::test]
async fn who_has_the_version_already_is_not_sent_it_again() {
    let mut app = TestApp::start().await;
    let id = app.has("buy milk").await;
    let ask = |known: &str| {
        let request = Request::get(format!("/todo/{id}")).header("if-none-match", known);
        app.send(request.body(Body::empty()).unwrap())
    };
    for known in ["\"1\"", "\"7\", W/\"1\"", "*"] {
        let answer = ask(known).await;
        assert_eq!(answer.status, StatusCode::NOT_MODIFIED, "{known}");
        assert_eq!(answer.body, Value::Null);
        assert_eq!(answer.header("etag"), "\"1\"");
        assert_eq!(answer.header("cache-control"), "private, no-cache");
    }
    for other in ["\"2\"", "\"\"", "1", ""] {
        let answer = ask(other).await;
        assert_eq!(answer.status, StatusCode::OK, "{other}");
        assert_eq!(answer.header("etag"), "\"1\"");
        assert_eq!(answer.header("cache-control"), "private, no-cache");
    }
}
