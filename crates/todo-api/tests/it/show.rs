//! `GET /todo/{id}`

use axum::http::StatusCode;
use serde_json::json;
use uuid::Uuid;

use crate::app::TestApp;

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
    let mut app = TestApp::start().await;
    let waiting = app
        .post("/todo", &json!({"item": "not saved yet"}))
        .await
        .accepted();
    for id in [
        waiting,
        Uuid::now_v7().to_string(),
        "1".to_owned(),
        "%3Cb%3E".to_owned(),
    ] {
        let answer = app.get(&format!("/todo/{id}")).await;
        answer.refuses(StatusCode::NOT_FOUND, "not-found", "no item with this id");
    }
    app.save().await;
}
