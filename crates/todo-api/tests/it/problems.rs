//! Refusals that are the same at every address.

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use serde_json::{Value, json};

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
    for path in ["/items", "/todo/1/2", "/problems/not-found"] {
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
        ("PUT", "/todo", "GET,HEAD,POST,OPTIONS"),
        ("DELETE", "/todo", "GET,HEAD,POST,OPTIONS"),
        ("POST", "/todo/1", "GET,HEAD,PATCH,DELETE,OPTIONS"),
    ] {
        let request = Request::builder().method(method).uri(path);
        let answer = app.send(request.body("{}".into()).unwrap()).await;
        let status = StatusCode::METHOD_NOT_ALLOWED;
        answer.refuses(status, "method-not-allowed", "`Allow`");
        assert_eq!(answer.header("allow"), allowed);
    }
}

#[tokio::test]
async fn every_address_says_what_it_can_do() {
    let app = TestApp::start().await;
    let patches = "application/json, application/merge-patch+json";
    for (path, allowed, patches) in [
        ("/todo", "GET,HEAD,POST,OPTIONS", ""),
        ("/todo/1", "GET,HEAD,PATCH,DELETE,OPTIONS", patches),
        ("/todos", "GET,HEAD,POST,DELETE,OPTIONS", ""),
        ("/lists/a/todos/1", "GET,HEAD,PATCH,DELETE,OPTIONS", patches),
        ("/asyncapi.yaml", "GET,HEAD,OPTIONS", ""),
    ] {
        let request = Request::options(path).body(Body::empty()).unwrap();
        let answer = app.send(request).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT);
        assert_eq!(answer.header("allow"), allowed);
        assert_eq!(answer.header("accept-patch"), patches);
        assert_eq!(answer.header("content-type"), "");
        assert_ne!(answer.header("x-request-id"), "");
    }
    let request = Request::options("/nowhere").body(Body::empty()).unwrap();
    let answer = app.send(request).await;
    answer.refuses(
        StatusCode::NOT_FOUND,
        "not-found",
        "nothing at this address",
    );
}

#[tokio::test]
async fn a_head_is_what_the_whole_answer_would_have() {
    let mut app = TestApp::start().await;
    let item = format!("/todo/{}", app.has("buy milk").await);
    for path in ["/todo", &item, "/asyncapi.yaml"] {
        let whole = app.get(path).await;
        let request = Request::head(path).body(Body::empty()).unwrap();
        let head = app.send(request).await;
        assert_eq!((head.status, &head.body), (StatusCode::OK, &Value::Null));
        for name in [
            "content-type",
            "content-length",
            "etag",
            "link",
            "cache-control",
        ] {
            assert_eq!(head.header(name), whole.header(name), "{path}: {name}");
        }
    }
}

#[tokio::test]
async fn who_does_not_take_json_is_refused_before_anything_happens() {
    let mut app = TestApp::start().await;
    let id = app.has("buy milk").await;
    let item = format!("/todo/{id}");
    let advice = "`application/json`, which the header `Accept` rules out";
    for (method, path, body) in [
        ("GET", "/todo", ""),
        ("GET", &item, ""),
        ("POST", "/todo", "{\"item\":\"x\"}"),
        ("PATCH", &item, "{\"completed\":true}"),
        ("DELETE", &item, ""),
    ] {
        let ask = |accept: &str| {
            let request = Request::builder().method(method).uri(path);
            let request = request.header("content-type", "application/json");
            let request = request.header("accept", accept);
            app.send(request.body(body.into()).unwrap())
        };
        let refused = ask("text/html, application/json;q=0").await;
        refused.refuses(StatusCode::NOT_ACCEPTABLE, "not-acceptable", advice);
        assert!(ask("text/html, */*;q=0.1").await.status.is_success());
    }
    let kinds = ["newitem", "itemcompleted", "itemdeleted"];
    let published = app.published().await;
    let published: Vec<_> = published
        .iter()
        .map(bus::ReceivedMessage::subject)
        .collect();
    assert_eq!(published, kinds.map(|kind| format!("events.todo.{kind}")));
    let request = Request::get("/asyncapi.yaml").header("accept", "application/json");
    let refused = app.send(request.body(Body::empty()).unwrap()).await;
    let advice = "`application/yaml`";
    refused.refuses(StatusCode::NOT_ACCEPTABLE, "not-acceptable", advice);
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
