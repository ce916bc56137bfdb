//! `DELETE /todo/{id}`

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use events::{Event, ItemDeleted};
use uuid::Uuid;

use crate::app::TestApp;

#[tokio::test]
async fn a_deleted_item_is_gone_when_the_event_is_handled() {
    let mut app = TestApp::start().await;
    let id = app.has("buy milk").await;
    assert_eq!(app.delete(&id).await.accepted(), id);
    app.save().await;
    let gone = app.get(&format!("/todo/{id}")).await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
    app.delete(&id)
        .await
        .refuses(StatusCode::NOT_FOUND, "not-found", "may have been deleted");
    assert!(app.published().await.is_empty());
}

#[tokio::test]
async fn an_item_that_does_not_exist_is_not_found_and_nothing_is_published() {
    let mut app = TestApp::start().await;
    for id in [Uuid::max().to_string(), "1".to_owned()] {
        let answer = app.delete(&id).await;
        answer.refuses(StatusCode::NOT_FOUND, "not-found", "no item with this id");
    }
    assert!(app.published().await.is_empty());
}

#[tokio::test]
async fn a_deletion_that_is_repeated_with_its_key_is_the_same_event() {
    let mut app = TestApp::start().await;
    let id = app.has("buy milk").await;
    for _ in 0..2 {
        let request = Request::delete(format!("/todo/{id}")).header("idempotency-key", "k");
        app.send(request.body(Body::empty()).unwrap())
            .await
            .accepted();
        // Whoever forgets the answer, and not the key, publishes again.
        app.forget("k").await;
    }
    let published = app.published().await;
    let ids: Vec<_> = published
        .iter()
        .map(|event| event.header("Nats-Msg-Id"))
        .collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);
    assert!(
        published
            .iter()
            .all(|event| event.subject() == ItemDeleted::SUBJECT)
    );
}
