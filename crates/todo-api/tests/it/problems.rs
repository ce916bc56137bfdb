//! What is refused before it is looked at closely, whatever the address.

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use serde_json::json;

use crate::app::{Answer, TestApp};

async fn post(app: &TestApp, kind: &str, body: impl Into<Body>) -> Answer {
    let request = Request::post("/todo").header("content-type", kind);
    app.send(request.body(body.into()).unwrap()).await
}

#[tokio::test]
async fn what_is_no_json_is_malformed() {
    let mut app = TestApp::start().await;
    let deep = format!("{{\"item\": {}", "[".repeat(1000));
    for body in [
        "",
        "{",
        "item=x",
        "{'item': 'x'}",
        "{\"item\": \"\\ud800\"}",
        "{}x",
        &deep,
    ] {
        let answer = post(&app, "application/json", body.to_owned()).await;
        answer.refuses(
            StatusCode::BAD_REQUEST,
            "malformed-json",
            "at line 1 column",
        );
    }
    let answer = post(&app, "application/json", b"{\"item\": \"\xFF\"}".to_vec()).await;
    answer.refuses(StatusCode::BAD_REQUEST, "malformed-json", "no JSON");
    for body in ["[]", "5", "null", "\"secret\""] {
        let answer = post(&app, "application/json", body).await;
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        answer.refuses(status, "invalid-field", "must be a JSON object");
    }
    assert!(app.published().await.is_empty());
}

#[tokio::test]
async fn only_json_is_accepted_and_by_any_of_its_names() {
    let mut app = TestApp::start().await;
    for kind in [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "json",
        "application/jsonx",
    ] {
        let answer = post(&app, kind, "{\"item\": \"x\"}").await;
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        answer.refuses(
            status,
            "unsupported-media-type",
            "`Content-Type: application/json`",
        );
    }
    let untyped = Request::post("/todo").body("{}".into()).unwrap();
    assert_eq!(
        app.send(untyped).await.status,
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    );
    assert!(app.published().await.is_empty());
    for kind in [
        "Application/JSON; charset=utf-8",
        "application/merge-patch+json",
    ] {
        post(&app, kind, "{\"item\": \"x\"}").await.accepted();
    }
}

#[tokio::test]
async fn a_body_of_more_than_16_kib_is_refused() {
    let mut app = TestApp::start().await;
    let body = |length: usize| format!("{{\"item\": \"x\"{}}}", " ".repeat(length - 13));
    let answer = post(&app, "application/json", body(16 * 1024 + 1)).await;
    answer.refuses(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body-too-large",
        "up to 16384 bytes",
    );
    assert!(app.published().await.is_empty());
    post(&app, "application/json", body(16 * 1024))
        .await
        .accepted();
}

#[tokio::test]
async fn an_unknown_address_is_not_found() {
    let app = TestApp::start().await;
    for path in ["/", "/items", "/todo/", "/todo/1/2", "/problems/not-found"] {
        let answer = app.get(path).await;
        answer.refuses(
            StatusCode::NOT_FOUND,
            "not-found",
            "nothing at this address",
        );
    }
}

#[tokio::test]
async fn a_wrong_method_is_answered_with_the_right_ones() {
    let app = TestApp::start().await;
    for (method, path, allowed) in [
        ("PUT", "/todo", "GET,HEAD,POST"),
        ("DELETE", "/todo", "GET,HEAD,POST"),
        ("POST", "/todo/1", "GET,HEAD,PATCH,DELETE"),
    ] {
        let request = Request::builder().method(method).uri(path);
        let answer = app.send(request.body("{}".into()).unwrap()).await;
        let status = StatusCode::METHOD_NOT_ALLOWED;
        answer.refuses(status, "method-not-allowed", "`Allow`");
        assert_eq!(answer.header("allow"), allowed);
    }
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_given_up() {
    let app = TestApp::start().await;
    tokio::time::pause();
    let body = futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>();
    let answer = post(&app, "application/json", Body::from_stream(body)).await;
    answer.refuses(StatusCode::REQUEST_TIMEOUT, "timeout", "send it again");
}

#[tokio::test]
async fn a_caller_finds_its_own_request_id_in_the_answer() {
    let app = TestApp::start().await;
    let request = Request::get("/nothing").header("x-request-id", "mine-1");
    let answer = app.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.header("x-request-id"), "mine-1");
    assert_eq!(answer.body["requestId"], json!("mine-1"));
}
