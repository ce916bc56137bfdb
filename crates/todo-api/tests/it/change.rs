//! `PATCH /todo/{id}`

use axum::http::StatusCode;
use events::{Event, ItemCompleted, ItemMoved, ItemRenamed, ItemReopened};
use serde_json::json;
use uuid::Uuid;

use crate::app::{TestApp, json_request};

const UNPROCESSABLE: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;

#[tokio::test]
async fn each_field_changes_its_part_of_the_item() {
    let mut app = TestApp::start().await;
    let id = app.has("buy milk").await;
    for (patch, subject) in [
        (json!({"item": " buy oat milk "}), ItemRenamed::SUBJECT),
        (json!({"completed": true}), ItemCompleted::SUBJECT),
        (json!({"completed": false}), ItemReopened::SUBJECT),
        (json!({"order": -2.5}), ItemMoved::SUBJECT),
        (json!({"order": 3}), ItemMoved::SUBJECT),
    ] {
        let answer = app.patch(&id, &patch).await;
        assert_eq!(answer.accepted(), id);
        let published = app.published().await;
        let [event] = &published[..] else {
            panic!("one event: {published:?}")
        };
        assert_eq!(event.subject(), subject);
        assert_eq!(
            event.header("ce-correlationid"),
            Some(answer.header("x-request-id"))
        );
    }
}

#[tokio::test]
async fn all_fields_can_be_changed_at_once() {
    let mut app = TestApp::start().await;
    let id = app.has("buy milk").await;
    let patch = json!({"item": "buy oat milk", "completed": true, "order": 0.5});
    app.patch(&id, &patch).await.accepted();
    app.save().await;
    let item = app.get(&format!("/todo/{id}")).await.body;
    assert_eq!(item["item"], "buy oat milk");
    assert_eq!(item["completed"], true);
    assert_eq!(item["order"], 0.5);
}

#[tokio::test]
async fn a_bad_change_is_refused_whole_and_every_bad_field_is_named() {
    let mut app = TestApp::start().await;
    let id = app.has("buy milk").await;
    let unknown = "is not known here; known are `item`, `completed` and `order`";
    for (patch, faults) in [
        (
            json!({"item": ""}),
            vec![("item", "must not be empty or blank")],
        ),
        (json!({"item": null}), vec![("item", "must be a text")]),
        (
            json!({"item": "good", "completed": 1}),
            vec![("completed", "must be true or false")],
        ),
        (
            json!({"completed": "yes", "order": "first", "item": "a\u{0}"}),
            vec![
                ("item", "must not have control characters, has U+0000"),
                ("completed", "must be true or false"),
                ("order", "must be a number"),
            ],
        ),
        (json!({"complete": true}), vec![("complete", unknown)]),
        (json!({"completed": true, "id": id}), vec![("id", unknown)]),
    ] {
        let answer = app.patch(&id, &patch).await;
        answer.refuses(UNPROCESSABLE, "invalid-field", "`errors`");
        assert_eq!(answer.faults(), faults, "{patch}");
    }
    let answer = app.patch(&id, &json!({})).await;
    answer.refuses(UNPROCESSABLE, "nothing-to-change", "at least one of `item`");
    assert!(app.published().await.is_empty());
}

#[tokio::test]
async fn an_item_that_does_not_exist_is_not_found_and_nothing_is_published() {
    let mut app = TestApp::start().await;
    for id in [Uuid::max().to_string(), "1".to_owned()] {
        let answer = app.patch(&id, &json!({"completed": true})).await;
        answer.refuses(StatusCode::NOT_FOUND, "not-found", "no item with this id");
    }
    assert!(app.published().await.is_empty());
}

#[tokio::test]
async fn a_change_that_is_repeated_with_its_key_has_the_same_events() {
    let mut app = TestApp::start().await;
    let (one, other) = (app.has("one").await, app.has("other").await);
    let mut ids = Vec::new();
    for (id, key) in [(&one, "k"), (&one, "k"), (&one, "l"), (&other, "k")] {
        let patch = json!({"completed": true, "order": 1});
        let mut request = json_request("PATCH", &format!("/todo/{id}"), &patch);
        request
            .headers_mut()
            .insert("idempotency-key", key.parse().unwrap());
        app.send(request).await.accepted();
        // Whoever forgets the answer, and not the key, publishes again.
        app.forget(key).await;
        let published = app.published().await;
        let mut events: Vec<_> = published
            .iter()
            .map(|event| {
                (
                    event.subject().to_owned(),
                    event.header("ce-id").unwrap().to_owned(),
                )
            })
            .collect();
        events.sort();
        ids.push(events);
    }
    assert_eq!(ids[0], ids[1]);
    assert_eq!(ids[0].len(), 2);
    assert_ne!(ids[0][0].1, ids[0][1].1);
    for different in &ids[2..] {
        assert!(different.iter().all(|event| !ids[0].contains(event)));
    }
}
