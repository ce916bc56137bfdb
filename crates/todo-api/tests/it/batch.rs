//! `POST /todo/batch`

use std::time::{Duration, Instant};

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use bus::Streams;
use events::{Event, ItemId, NewItem};
use serde_json::{Value, json};
use testkit::eventually;
use uuid::Uuid;

use crate::app::{Answer, TestApp, json_request};

const SOON: Duration = Duration::from_secs(10);

fn array(items: &Value) -> Request<Body> {
    json_request("POST", "/todo/batch", items)
}

fn lines(text: impl Into<Body>) -> Request<Body> {
    Request::post("/todo/batch")
        .header("content-type", "application/x-ndjson")
        .body(text.into())
        .unwrap()
}

fn with_key(key: &str, mut request: Request<Body>) -> Request<Body> {
    let headers = request.headers_mut();
    headers.insert("idempotency-key", key.parse().unwrap());
    request
}

fn many(count: usize) -> Value {
    let items = (0..count).map(|n| json!({ "item": format!("item {n}") }));
    items.collect::<Vec<_>>().into()
}

/// The ids of a batch of which everything was accepted.
fn accepted(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let parts = answer.body.as_array().unwrap().iter();
    let id = |part: &Value| {
        assert_eq!(part["status"], 202, "{part}");
        part["id"].as_str().unwrap().to_owned()
    };
    parts.map(id).collect()
}

fn statuses(answer: &Answer) -> Vec<u64> {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let parts = answer.body.as_array().unwrap().iter();
    parts.map(|part| part["status"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn a_thousand_items_are_published_in_the_order_of_the_batch() {
    let mut app = TestApp::start().await;
    let ids = accepted(&app.send(array(&many(1_000))).await);
    let published = app.published().await;
    assert_eq!(published.len(), 1_000);
    for (n, event) in published.iter().enumerate() {
        assert_eq!(event.subject(), NewItem::SUBJECT);
        assert_eq!(event.header("Nats-Msg-Id"), Some(ids[n].as_str()));
        let body: NewItem = serde_json::from_slice(event.payload()).unwrap();
        assert_eq!(body.item.as_str(), format!("item {n}"));
    }
    // Where two are stored in one moment, the list goes by their ids.
    assert!(ids.is_sorted());
}

#[tokio::test]
async fn each_item_is_answered_by_itself_in_its_place() {
    let mut app = TestApp::start().await;
    let items = json!([
        { "item": "buy milk" }, { "item": " " }, "buy bread", { "itm": "x" },
        { "item": "write", "list": "work" },
    ]);
    let answer = app.send(array(&items)).await;
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(statuses(&answer), [202, 422, 422, 422, 202]);
    let problem = &answer.body[1]["problem"];
    assert_eq!(problem["type"], "/problems/invalid-field");
    assert_eq!(problem["errors"][0]["field"], "item");
    assert_eq!(problem["requestId"], Value::Null);
    assert_eq!(
        answer.body[2]["problem"]["detail"],
        "it must be a JSON object"
    );
    assert_eq!(answer.body[1]["id"], Value::Null);
    assert_eq!(app.published().await.len(), 2);
}

#[tokio::test]
async fn items_may_come_line_by_line_and_are_answered_so() {
    let mut app = TestApp::start().await;
    let text = "{\"item\":\"buy milk\"}\r\n\n{\"item\":\n  {\"item\":\"우유\",\"list\":\"work\"}  ";
    let answer = app.send(lines(text)).await;
    assert_eq!(answer.header("content-type"), "application/x-ndjson");
    assert_eq!(statuses(&answer), [202, 400, 202]);
    assert_eq!(
        answer.body[1]["problem"]["type"],
        "/problems/malformed-json"
    );
    let mut elsewhere = lines("{\"item\":\"a\"}\n{\"item\":\"b\",\"list\":\"home\"}\n");
    *elsewhere.uri_mut() = "/todo/batch?list=work".parse().unwrap();
    assert_eq!(statuses(&app.send(elsewhere).await), [202, 422]);
    let published = app.published().await;
    let lists = published.iter().map(|event| {
        let body: NewItem = serde_json::from_slice(event.payload()).unwrap();
        body.list.unwrap().to_string()
    });
    assert_eq!(lists.collect::<Vec<_>>(), ["default", "work", "work"]);
}

#[tokio::test]
async fn a_batch_that_is_sent_again_with_its_key_adds_nothing_twice() {
    let mut app = TestApp::start().await;
    let send =
        async |key: &str, count| accepted(&app.send(with_key(key, array(&many(count)))).await);
    let first = send("k", 20).await;
    app.forget("k").await;
    assert_eq!(send("k", 20).await, first);
    let other = send("l", 20).await;
    assert!(first.iter().all(|id| !other.contains(id)));
    // It is not the key of a single item.
    assert!(!first.contains(&ItemId::from_key("k").to_string()));
    assert!(
        first
            .iter()
            .all(|id| id.parse::<Uuid>().unwrap().get_version_num() == 5)
    );
    app.save().await;
    let list = app.get("/todo").await;
    assert_eq!(list.body["items"].as_array().unwrap().len(), 40);
}

#[tokio::test]
async fn what_is_no_batch_is_refused_as_a_whole() {
    let mut app = TestApp::start().await;
    let too_many = app.send(array(&many(1_001))).await;
    too_many.refuses(
        StatusCode::PAYLOAD_TOO_LARGE,
        "too-many-items",
        "1000 items",
    );
    let too_many = "{\"item\":\"x\"}\n".repeat(1_001);
    let too_many = app.send(lines(too_many)).await;
    too_many.refuses(
        StatusCode::PAYLOAD_TOO_LARGE,
        "too-many-items",
        "1000 items",
    );
    let too_large = app.send(lines(" ".repeat(2 * 1024 * 1024 + 1))).await;
    too_large.refuses(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body-too-large",
        "2097152 bytes",
    );
    for nothing in [array(&json!([])), lines(" \n\n")] {
        let answer = app.send(nothing).await;
        answer.refuses(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid-field",
            "at least one",
        );
    }
    let object = app.send(array(&json!({ "item": "x" }))).await;
    object.refuses(
        StatusCode::UNPROCESSABLE_ENTITY,
        "invalid-field",
        "JSON array",
    );
    let mut broken = array(&json!([]));
    *broken.body_mut() = "[{".into();
    let broken = app.send(broken).await;
    broken.refuses(StatusCode::BAD_REQUEST, "malformed-json", "no JSON");
    let mut form = array(&json!([]));
    form.headers_mut()
        .insert("content-type", "text/plain".parse().unwrap());
    let form = app.send(form).await;
    form.refuses(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported-media-type",
        "x-ndjson",
    );
    assert!(app.published().await.is_empty());
}

#[tokio::test]
async fn the_longest_items_of_any_script_fit() {
    let app = TestApp::start().await;
    let item = json!({ "item": "\u{1F95B}".repeat(256), "list": "\u{1F4DD}".repeat(64) });
    let ids = accepted(&app.send(array(&vec![item; 1_000].into())).await);
    assert_eq!(ids.len(), 1_000);
}

#[tokio::test]
async fn while_the_broker_is_away_a_batch_is_refused_within_two_seconds() {
    let app = TestApp::start().await;
    app.broker.cut().await;
    let started = Instant::now();
    let answer = app.send(array(&many(1_000))).await;
    answer.refuses(
        StatusCode::SERVICE_UNAVAILABLE,
        "unavailable",
        "send it again",
    );
    assert_eq!(answer.header("retry-after"), "1");
    assert!(started.elapsed() < Duration::from_secs(2));
}

/// The link breaks while a batch is on its way. Whatever was accepted is the front of the batch.
#[tokio::test]
async fn a_batch_that_breaks_off_is_made_whole_by_sending_it_again() {
    let mut app = TestApp::start().await;
    let batch = app.begin(with_key("k", array(&many(1_000))));
    app.next().await;
    app.broker.cut().await;
    let first = batch.await.unwrap();
    app.broker.restore().await;
    let second = eventually("it is accepted", SOON, async || {
        let answer = app.send(with_key("k", array(&many(1_000)))).await;
        if answer.status == StatusCode::OK && statuses(&answer).iter().all(|status| *status == 202)
        {
            Ok(answer)
        } else {
            Err(answer.body)
        }
    })
    .await;
    let ids = accepted(&second);
    if first.status == StatusCode::OK {
        for (part, id) in first.body.as_array().unwrap().iter().zip(&ids) {
            assert!(part["status"] == 503 || part["id"] == id.as_str(), "{part}");
        }
    }
    app.save().await;
    let list = app.get("/todo?limit=1000").await;
    let listed = list.body["items"].as_array().unwrap();
    assert_eq!(listed.len(), 1_000);
}

/// The stream gets full in the middle of the batch, and the ledger of keys does not.
#[tokio::test]
async fn a_batch_that_was_stored_in_part_is_finished_under_its_key_when_there_is_room() {
    let app = TestApp::start().await;
    let room = async |limit| {
        let streams = Streams {
            limit,
            ..Streams::default()
        };
        app.observer().ensure_streams(streams).await.unwrap();
    };
    let long = json!({ "item": "\u{1F95B}".repeat(256), "list": "\u{1F4DD}".repeat(64) });
    let long = || array(&vec![long.clone(); 1_000].into());
    room(3 << 20).await;
    accepted(&app.send(long()).await);
    let first = app.send(with_key("k", long())).await;
    let before = statuses(&first);
    assert!(before.contains(&202) && before.contains(&503), "{before:?}");

    room(6 << 20).await;
    let second = app.send(with_key("k", long())).await;
    assert_eq!(second.header("idempotency-replayed"), "");
    let ids = accepted(&second);
    for (part, id) in first.body.as_array().unwrap().iter().zip(&ids) {
        assert!(part["status"] == 503 || part["id"] == id.as_str(), "{part}");
    }
    let standing = app.observer().stream_status().await.unwrap();
    assert_eq!(standing.events, 2_000);
    let third = app.send(with_key("k", long())).await;
    assert_eq!(third.header("idempotency-replayed"), "true");
    assert_eq!(accepted(&third), ids);
    // It still is the key of this batch and of no other.
    let other = app.send(with_key("k", array(&many(1)))).await;
    let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
    other.refuses(unprocessable, "idempotency-key-reused", "another request");
}

#[tokio::test]
async fn of_many_batches_at_a_time_one_more_is_told_to_come_back() {
    let app = TestApp::start().await;
    let endless = || {
        let body = futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>();
        app.begin(lines(Body::from_stream(body)))
    };
    let many: Vec<_> = std::iter::repeat_with(endless).take(8).collect();
    eventually("all of them have a place", SOON, async || {
        let answer = app.send(lines("{\"item\":\"x\"}")).await;
        if answer.status == StatusCode::OK {
            return false;
        }
        answer.refuses(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "many batches",
        );
        true
    })
    .await;
    for batch in many {
        batch.abort();
    }
    eventually("there are places again", SOON, async || {
        app.send(lines("{\"item\":\"x\"}")).await.status == StatusCode::OK
    })
    .await;
}
