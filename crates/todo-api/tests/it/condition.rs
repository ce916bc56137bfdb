//! `If-Match`

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use serde_json::{Value, json};
use todo_api::Policy;

use crate::app::{Answer, TestApp, json_request};

fn patch(id: &str, change: &Value, condition: &str) -> Request<Body> {
    let mut request = json_request("PATCH", &format!("/todo/{id}"), change);
    let condition = condition.parse().unwrap();
    request.headers_mut().insert("if-match", condition);
    request
}

fn delete(id: &str, condition: &str) -> Request<Body> {
    let request = Request::delete(format!("/todo/{id}")).header("if-match", condition);
    request.body(Body::empty()).unwrap()
}

async fn tag(app: &TestApp, id: &str) -> String {
    app.get(&format!("/todo/{id}")).await.header("etag").into()
}

#[track_caller]
fn is_outdated(answer: &Answer, now: &str) {
    let advice = format!("its `ETag` is {now} now; read it again");
    answer.refuses(
        StatusCode::PRECONDITION_FAILED,
        "precondition-failed",
        &advice,
    );
}

#[tokio::test]
async fn who_knows_the_item_as_it_is_may_change_and_delete_it_and_nobody_else() {
    let mut app = TestApp::start().await;
    let id = app.has("buy milk").await;
    let known = tag(&app, &id).await;
    let done = json!({"completed": true});
    app.send(patch(&id, &done, &known)).await.accepted();
    app.save().await;

    let now = tag(&app, &id).await;
    assert_ne!(now, known);
    is_outdated(&app.send(patch(&id, &done, &known)).await, &now);
    is_outdated(&app.send(delete(&id, &known)).await, &now);
    is_outdated(&app.send(delete(&id, &format!("W/{known}"))).await, &now);
    assert!(app.published().await.is_empty());

    let either = format!("{known}, {now}");
    app.send(patch(&id, &done, &either)).await.accepted();
    app.send(patch(&id, &done, "*")).await.accepted();
    // As proxies that pack answers make it.
    let packed = format!("{}-gzip\"", now.trim_end_matches('"'));
    for changed in [format!("W/{now}"), packed] {
        app.send(patch(&id, &done, &changed)).await.accepted();
    }
    app.send(delete(&id, &now)).await.accepted();
    assert_eq!(app.published().await.len(), 5);
}

#[tokio::test]
async fn what_is_wrong_whatever_the_item_is_told_before_its_version_is_looked_at() {
    let mut app = TestApp::start().await;
    let id = app.has("buy milk").await;
    let answer = app.send(patch(&id, &json!({"item": ""}), "\"7\"")).await;
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    answer.refuses(status, "invalid-field", "`errors`");
    let answer = app.send(delete("1", "\"7\"")).await;
    answer.refuses(StatusCode::NOT_FOUND, "not-found", "no item with this id");
    for unreadable in ["1", "", "\"1", "\"1\" \"2\""] {
        let answer = app.send(delete(&id, unreadable)).await;
        let status = StatusCode::PRECONDITION_FAILED;
        answer.refuses(status, "precondition-failed", "with its quotes");
    }
    assert!(app.published().await.is_empty());
}

#[tokio::test]
async fn while_the_version_cannot_be_seen_only_changes_without_a_condition_are_accepted() {
    let mut app = TestApp::start().await;
    let id = app.has("buy milk").await;
    let known = tag(&app, &id).await;
    app.database.cut().await;
    for request in [patch(&id, &json!({"order": 1}), &known), delete(&id, "*")] {
        let answer = app.send(request).await;
        let status = StatusCode::SERVICE_UNAVAILABLE;
        answer.refuses(status, "unavailable", "whether `If-Match` holds");
        assert_eq!(answer.header("retry-after"), "1");
    }
    assert!(app.published().await.is_empty());
    app.delete(&id).await.accepted();
}

#[tokio::test]
async fn where_a_condition_is_required_nobody_changes_an_item_without_one() {
    let mut app = TestApp::start_with(Policy {
        require_if_match: true,
        ..Policy::default()
    })
    .await;
    let id = app.has("buy milk").await;
    let status = StatusCode::PRECONDITION_REQUIRED;
    let refuses = |answer: Answer| answer.refuses(status, "precondition-required", "`If-Match`");
    refuses(app.patch(&id, &json!({"completed": true})).await);
    refuses(app.delete(&id).await);
    assert!(app.published().await.is_empty());
    app.send(delete(&id, "\"1\"")).await.accepted();
}

/// Their programs know none, and would be of no use.
#[tokio::test]
async fn where_a_condition_is_required_todos_are_changed_without_one_all_the_same() {
    let mut app = TestApp::start_with(Policy {
        require_if_match: true,
        ..Policy::default()
    })
    .await;
    let id = app.has("buy milk").await;
    let change = json_request(
        "PATCH",
        &format!("/todos/{id}"),
        &json!({"completed": true}),
    );
    let answer = app.begin(change);
    app.save_next().await;
    assert_eq!(answer.await.unwrap().status, StatusCode::OK);
}

#[tokio::test]
async fn the_tag_of_an_answer_after_the_save_is_that_of_the_saved_item() {
    let mut app = TestApp::start().await;
    let mut request = json_request("POST", "/todo", &json!({"item": "buy milk"}));
    let prefer = "wait=8".parse().unwrap();
    request.headers_mut().insert("prefer", prefer);
    let answer = app.begin(request);
    app.save_next().await;
    let created = answer.await.unwrap();
    assert_eq!(created.header("etag"), "\"1\"");

    let id = created.body["id"].as_str().unwrap();
    let mut request = patch(id, &json!({"completed": true}), "\"1\"");
    let prefer = "wait=8".parse().unwrap();
    request.headers_mut().insert("prefer", prefer);
    let answer = app.begin(request);
    app.save_next().await;
    let changed = answer.await.unwrap();
    assert_eq!(changed.status, StatusCode::OK);
    assert_eq!(changed.header("etag"), tag(&app, id).await);
}
