//! Texts, by every way they come in.

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use serde_json::json;
use url::form_urlencoded;

use crate::app::{TestApp, json_request};

#[tokio::test]
async fn an_address_that_is_no_text_is_refused_and_stores_nothing() {
    let mut app = TestApp::start().await;
    for list in ["%FF", "a%C3", "%ED%A0%80", "%C0%80"] {
        for (method, path) in [
            ("GET", format!("/todo?list={list}")),
            ("POST", format!("/todo?list={list}")),
            ("POST", format!("/todo/batch?list={list}")),
            ("GET", format!("/todo/events?list={list}")),
            ("GET", format!("/lists/{list}/todos")),
            ("POST", format!("/lists/{list}/todos")),
            ("GET", format!("/todo/{list}")),
            ("GET", format!("/nothing?x={list}")),
        ] {
            let request = json_request(method, &path, &json!({"item": "x", "title": "x"}));
            let answer = app.send(request).await;
            answer.refuses(StatusCode::BAD_REQUEST, "bad-request", "UTF-8");
        }
    }
    assert!(app.published().await.is_empty());
}

#[tokio::test]
async fn a_body_that_is_no_text_is_refused_and_stores_nothing() {
    let mut app = TestApp::start().await;
    for body in [
        &b"{\"item\":\"\xff\"}"[..],
        b"{\"item\":\"\xed\xa0\x80\"}",
        br#"{"item":"\ud83d"}"#,
        br#"{"item":"\udc4d"}"#,
        b"\xff\xfe{\0}\0",
    ] {
        let request = Request::post("/todo").header(header::CONTENT_TYPE, "application/json");
        let answer = app.send(request.body(Body::from(body)).unwrap()).await;
        answer.refuses(StatusCode::BAD_REQUEST, "malformed-json", "no JSON");
    }
    assert!(app.published().await.is_empty());
}

#[tokio::test]
async fn a_key_that_is_no_ascii_is_refused_whatever_its_bytes() {
    let mut app = TestApp::start().await;
    for key in [&b"\xff"[..], "키".as_bytes()] {
        let mut request = json_request("POST", "/todo", &json!({"item": "x"}));
        let key = header::HeaderValue::from_bytes(key).unwrap();
        request.headers_mut().insert("idempotency-key", key);
        app.send(request)
            .await
            .refuses(StatusCode::BAD_REQUEST, "bad-idempotency-key", "ASCII");
    }
    assert!(app.published().await.is_empty());
}

#[tokio::test]
async fn a_list_is_one_list_in_whichever_form_its_name_comes() {
    let mut app = TestApp::start().await;
    let (composed, decomposed) = ("할일", "\u{1112}\u{1161}\u{11af}\u{110b}\u{1175}\u{11af}");
    for list in [composed, decomposed] {
        let answer = app
            .post("/todo", &json!({"item": list, "list": list}))
            .await;
        answer.accepted();
        assert_eq!(
            (&answer.body["item"], &answer.body["list"]),
            (&json!(composed), &json!(composed))
        );
    }
    app.save().await;
    for list in [composed, decomposed] {
        let escaped: String = form_urlencoded::byte_serialize(list.as_bytes()).collect();
        let page = app.get(&format!("/todo?list={escaped}")).await;
        assert_eq!(page.body["items"].as_array().unwrap().len(), 2, "{list}");
        let todos = app.get(&format!("/lists/{escaped}/todos")).await;
        assert_eq!(todos.body.as_array().unwrap().len(), 2, "{list}");
    }
}

#[tokio::test]
async fn a_text_that_shows_nothing_and_a_name_that_leads_elsewhere_are_refused() {
    let mut app = TestApp::start().await;
    let (blank, dots) = (
        "must not be empty or blank",
        "must not be `.` or `..`, which lead elsewhere in an address",
    );
    for (body, fault) in [
        (json!({"item": "\u{200b}"}), ("item", blank)),
        (json!({"item": "\u{3164} \u{2800}"}), ("item", blank)),
        (json!({"item": "x", "list": "\u{feff}"}), ("list", blank)),
        (json!({"item": "x", "list": "."}), ("list", dots)),
        (json!({"item": "x", "list": ".."}), ("list", dots)),
    ] {
        let answer = app.post("/todo", &body).await;
        answer.refuses(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid-field",
            "`errors`",
        );
        assert_eq!(answer.faults(), [fault]);
    }
    for path in ["/todo?list=..", "/todo?list=%2e"] {
        assert_eq!(app.get(path).await.faults(), [("list", dots)]);
        let answer = app.post(path, &json!({"item": "x"})).await;
        assert_eq!(answer.faults(), [("list", dots)]);
    }
    for path in ["/lists/../todos", "/lists/%2e%2E/todos", "/lists/./todos"] {
        app.get(path)
            .await
            .refuses(StatusCode::NOT_FOUND, "not-found", "`.` or `..`");
        let answer = app.post(path, &json!({"title": "x"})).await;
        answer.refuses(StatusCode::NOT_FOUND, "not-found", "`.` or `..`");
    }
    assert!(app.published().await.is_empty());
}
