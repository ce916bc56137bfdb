//! `Prefer: wait=N`

use std::time::{Duration, Instant};

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use events::{ItemAdded, ItemDeleted, ItemEvent, ItemId, ListName};
use serde_json::{Value, json};
use testkit::eventually;
use time::OffsetDateTime;

use crate::app::{Answer, TestApp, json_request};

const SOON: Duration = Duration::from_secs(10);

fn waiting(wait: &str, mut request: Request<Body>) -> Request<Body> {
    let headers = request.headers_mut();
    headers.insert("prefer", wait.parse().unwrap());
    request
}

fn with_key(mut request: Request<Body>) -> Request<Body> {
    let headers = request.headers_mut();
    headers.insert("idempotency-key", "k".parse().unwrap());
    request
}

fn post(text: &str) -> Request<Body> {
    json_request("POST", "/todo", &json!({ "item": text }))
}

fn patch(id: &str, change: &Value) -> Request<Body> {
    json_request("PATCH", &format!("/todo/{id}"), change)
}

fn delete(id: &str) -> Request<Body> {
    Request::delete(format!("/todo/{id}"))
        .body(Body::empty())
        .unwrap()
}

/// Asserts that the response is that of a caller who does not wait.
fn only_accepted(answer: &Answer) {
    answer.accepted();
    assert_eq!(answer.header("preference-applied"), "");
}

#[tokio::test]
async fn who_waits_hears_201_with_the_saved_item_and_where_it_is() {
    let mut app = TestApp::start().await;
    let answer = app.begin(waiting("respond-async, wait=8", post("buy milk")));
    app.save_next().await;
    let answer = answer.await.unwrap();
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    assert_eq!(answer.header("preference-applied"), "wait=8");
    assert_eq!(answer.body["item"], "buy milk");
    let shown = app.get(answer.header("location")).await;
    assert_eq!((shown.status, &shown.body), (StatusCode::OK, &answer.body));
    assert_eq!(app.replies.awaited(), 0);
}

#[tokio::test]
async fn the_wait_that_was_applied_is_half_a_minute_at_most() {
    let mut app = TestApp::start().await;
    let answer = app.begin(waiting("wait=3600", post("buy milk")));
    app.save_next().await;
    let answer = answer.await.unwrap();
    assert_eq!(answer.header("preference-applied"), "wait=30");
}

#[tokio::test]
async fn who_does_not_wait_hears_202_and_the_event_asks_for_no_answer() {
    let mut app = TestApp::start().await;
    only_accepted(&app.send(post("a")).await);
    only_accepted(&app.send(waiting("wait=0", post("b"))).await);
    only_accepted(&app.send(waiting("respond-async", post("c"))).await);
    for event in app.published().await {
        assert_eq!(event.header("reply-to"), None);
    }
}

#[tokio::test]
async fn when_the_time_is_over_the_caller_hears_202_and_the_item_is_saved_all_the_same() {
    let mut app = TestApp::start().await;
    let started = Instant::now();
    let answer = app.send(waiting("wait=1", post("buy milk"))).await;
    let waited = started.elapsed();
    only_accepted(&answer);
    assert!(
        waited >= Duration::from_secs(1) && waited < Duration::from_secs(5),
        "{waited:?}"
    );
    assert_eq!(answer.body["item"], "buy milk");
    assert_eq!(app.replies.awaited(), 0);
    app.save().await;
    let shown = app.get(answer.header("location")).await;
    assert_eq!(shown.status, StatusCode::OK);
}

#[tokio::test]
async fn a_wait_may_last_longer_than_a_request_may_take_to_be_accepted() {
    let mut app = TestApp::start().await;
    let started = Instant::now();
    let answer = app.begin(waiting("wait=11", post("buy milk")));
    only_accepted(&answer.await.unwrap());
    assert!(started.elapsed() >= Duration::from_secs(11));
    app.save().await;
}

#[tokio::test]
async fn who_waits_has_no_more_time_to_send_a_body_than_others() {
    let app = TestApp::start().await;
    tokio::time::pause();
    let started = tokio::time::Instant::now();
    let body = futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>();
    let mut request = waiting("wait=30", post("buy milk"));
    *request.body_mut() = Body::from_stream(body);
    let answer = app.send(request).await;
    answer.refuses(StatusCode::REQUEST_TIMEOUT, "timeout", "send it again");
    assert!(started.elapsed() < Duration::from_secs(11));
}

#[tokio::test]
async fn a_change_of_several_fields_is_answered_when_all_of_them_are_saved() {
    let mut app = TestApp::start().await;
    let id = app.has("buy milk").await;
    let change = json!({ "item": "buy oat milk", "completed": true, "order": 1.5 });
    let mut answer = app.begin(waiting("wait=9", patch(&id, &change)));
    let mut events = Vec::new();
    for _ in 0..3 {
        events.push(app.next().await);
    }
    // Members take them in any order.
    app.save_one(&events[2]).await;
    app.save_one(&events[0]).await;
    let early = tokio::time::timeout(Duration::from_millis(300), &mut answer).await;
    assert!(early.is_err(), "one of the three is not saved");
    app.save_one(&events[1]).await;
    let answer = answer.await.unwrap();
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!(answer.header("preference-applied"), "wait=9");
    for (field, value) in change.as_object().unwrap() {
        assert_eq!(answer.body[field], *value);
    }
    let shown = app.get(&format!("/todo/{id}")).await;
    assert_eq!(shown.body, answer.body);
    assert_eq!(app.replies.awaited(), 0);
}

#[tokio::test]
async fn who_waits_for_a_deletion_hears_204_when_the_item_is_gone() {
    let mut app = TestApp::start().await;
    let id = app.has("buy milk").await;
    let answer = app.begin(waiting("wait=9", delete(&id)));
    app.save_next().await;
    let answer = answer.await.unwrap();
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(answer.header("preference-applied"), "wait=9");
    assert_eq!(answer.body, Value::Null);
    let gone = app.get(&format!("/todo/{id}")).await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn who_changes_an_item_that_was_deleted_meanwhile_hears_404() {
    let mut app = TestApp::start().await;
    let id = app.has("buy milk").await;
    app.delete(&id).await.accepted();
    let answer = app.begin(waiting("wait=9", patch(&id, &json!({ "completed": true }))));
    let events = [app.next().await, app.next().await];
    for event in &events {
        app.save_one(event).await;
    }
    let answer = answer.await.unwrap();
    answer.refuses(StatusCode::NOT_FOUND, "not-found", "may have been deleted");
}

/// The database could not say at first that there is no such item; the saver can.
#[tokio::test]
async fn who_changes_an_item_that_nobody_added_hears_404() {
    let mut app = TestApp::start().await;
    let nobodys = uuid::Uuid::now_v7().to_string();
    app.database.stall();
    let change = app.begin(waiting(
        "wait=9",
        patch(&nobodys, &json!({ "completed": true })),
    ));
    let changed = app.next().await;
    app.database.restore().await;
    eventually("readable again", SOON, async || {
        app.get("/todo").await.status == StatusCode::OK
    })
    .await;
    app.save_one(&changed).await;
    let answer = change.await.unwrap();
    answer.refuses(StatusCode::NOT_FOUND, "not-found", "not be saved yet");
}

/// As when the process that had it first has died: nobody knows what was answered, and the stream stores
/// nothing again.
#[tokio::test]
async fn who_repeats_a_request_hears_of_the_save_though_nobody_answers_it_again() {
    let mut app = TestApp::start().await;
    let first = app.begin(with_key(waiting("wait=9", post("buy milk"))));
    let event = app.next().await;
    app.forget("k").await;
    let second = app.begin(with_key(waiting("wait=9", post("buy milk"))));
    let repeated = app.next().await;
    assert_eq!(repeated.header("Nats-Msg-Id"), event.header("Nats-Msg-Id"));
    app.save_one(&event).await;
    let (first, second) = (first.await.unwrap(), second.await.unwrap());
    assert_eq!(
        (first.status, second.status),
        (StatusCode::CREATED, StatusCode::CREATED)
    );
    assert_eq!(first.body, second.body);
    assert_eq!(second.header("preference-applied"), "wait=9");
    let id = first.body["id"].as_str().unwrap().to_owned();

    let change = json!({ "item": "buy oat milk", "completed": true });
    app.forget("k").await;
    let send = |app: &TestApp| app.begin(with_key(waiting("wait=9", patch(&id, &change))));
    let first = send(&app);
    let events = [app.next().await, app.next().await];
    app.forget("k").await;
    let second = send(&app);
    let _repeated = [app.next().await, app.next().await];
    for event in &events {
        app.save_one(event).await;
    }
    let (first, second) = (first.await.unwrap(), second.await.unwrap());
    assert_eq!(
        (first.status, second.status),
        (StatusCode::OK, StatusCode::OK)
    );
    assert_eq!(first.body, second.body);
    assert_eq!(app.replies.awaited(), 0);
}

#[tokio::test]
async fn who_repeats_the_adding_of_an_item_that_was_deleted_since_hears_so() {
    let mut app = TestApp::start().await;
    // It was so long ago that the broker does not know the event any more.
    let id = ItemId::from_key("k");
    let added = ItemAdded {
        id,
        list: ListName::default(),
        item: "buy milk".parse().unwrap(),
        order: 1.0.try_into().unwrap(),
        added_at: OffsetDateTime::now_utc(),
    };
    app.apply(&ItemEvent::Added(added)).await;
    app.apply(&ItemEvent::Deleted(ItemDeleted { id })).await;
    let answer = app.begin(with_key(waiting("wait=9", post("buy milk"))));
    app.save_next().await;
    let answer = answer.await.unwrap();
    answer.refuses(StatusCode::GONE, "deleted-since", "send another key");
    // Now the broker knows it, and nobody is asked.
    let started = Instant::now();
    let answer = app
        .send(with_key(waiting("wait=30", post("buy milk"))))
        .await;
    answer.refuses(StatusCode::GONE, "deleted-since", "send another key");
    assert!(started.elapsed() < SOON);
}

#[tokio::test]
async fn a_caller_who_goes_away_leaves_nothing_behind() {
    let mut app = TestApp::start().await;
    let answer = app.begin(waiting("wait=30", post("buy milk")));
    app.next().await;
    assert_eq!(app.replies.awaited(), 1);
    answer.abort();
    assert!(answer.await.is_err());
    assert_eq!(app.replies.awaited(), 0);
}

#[tokio::test]
async fn where_many_wait_already_one_more_is_not_kept_waiting() {
    let app = TestApp::start().await;
    let many = || app.begin(waiting("wait=30", post("buy milk")));
    let many: Vec<_> = std::iter::repeat_with(many).take(512).collect();
    eventually("all of them wait", SOON, async || {
        app.replies.awaited() == 512
    })
    .await;
    let started = Instant::now();
    only_accepted(&app.send(waiting("wait=30", post("buy milk"))).await);
    assert!(started.elapsed() < SOON);
    app.stop.cancel();
    for answer in many {
        only_accepted(&answer.await.unwrap());
    }
}

#[tokio::test]
async fn a_process_that_is_asked_to_stop_keeps_nobody_waiting() {
    let mut app = TestApp::start().await;
    let answer = app.begin(waiting("wait=30", post("buy milk")));
    app.next().await;
    app.stop.cancel();
    let answer = tokio::time::timeout(SOON, answer).await;
    only_accepted(&answer.unwrap().unwrap());
}

#[tokio::test]
async fn who_waits_while_the_broker_is_away_hears_in_time_to_try_again() {
    let app = TestApp::start().await;
    app.broker.cut().await;
    let started = Instant::now();
    let answer = app.send(waiting("wait=30", post("buy milk"))).await;
    answer.refuses(
        StatusCode::SERVICE_UNAVAILABLE,
        "unavailable",
        "send it again",
    );
    assert!(started.elapsed() < Duration::from_secs(2));
    assert_eq!(app.replies.awaited(), 0);
}
