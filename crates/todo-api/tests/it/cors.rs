//! Cross-origin requests from browsers.

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use todo_api::Policy;

use crate::app::{Answer, TestApp};

const FRIEND: &str = "https://friend.example";

async fn app(origins: &str) -> TestApp {
    TestApp::start_with(Policy {
        cors_origins: Some(origins.parse().unwrap()),
        api_tokens: Some("first-0123456789abcdef".parse().unwrap()),
        ..Policy::default()
    })
    .await
}

/// Sends the preflight request of a browser.
async fn may(app: &TestApp, origin: &str, method: &str, headers: &str) -> Answer {
    may_at(app, "/todo", origin, method, headers).await
}

async fn may_at(app: &TestApp, path: &str, origin: &str, method: &str, headers: &str) -> Answer {
    let request = Request::options(path)
        .header("origin", origin)
        .header("access-control-request-method", method)
        .header("access-control-request-headers", headers);
    app.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn pages_of_the_origins_that_are_named_may_use_the_api_and_no_others() {
    let app = app(&format!("https://other.example, {FRIEND}")).await;
    // Clients of event streams and of traces send headers of their own.
    let asked = "if-match,content-type,prefer,idempotency-key,last-event-id,cache-control,baggage";
    let answer = may(&app, FRIEND, "PATCH", asked).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("access-control-allow-origin"), FRIEND);
    let (methods, headers) = (
        answer.header("access-control-allow-methods"),
        answer.header("access-control-allow-headers"),
    );
    assert!(methods.contains("PATCH"), "{methods}");
    assert_eq!(headers, asked);
    let answer = may(&app, "https://foe.example", "GET", "").await;
    assert_eq!(answer.header("access-control-allow-origin"), "");
    assert!(answer.header("vary").contains("origin"));
}

#[tokio::test]
async fn a_page_may_read_what_the_answer_says_in_headers_refusals_included() {
    let app = app(FRIEND).await;
    let request = Request::get("/todo").header("origin", FRIEND);
    let refused = app.send(request.body(Body::empty()).unwrap()).await;
    refused.refuses(StatusCode::UNAUTHORIZED, "unauthorized", "Bearer");
    assert_eq!(refused.header("access-control-allow-origin"), FRIEND);
    let readable = refused.header("access-control-expose-headers");
    for name in [
        "accept-encoding",
        "accept-patch",
        "allow",
        "etag",
        "idempotency-replayed",
        "link",
        "location",
        "preference-applied",
        "retry-after",
        "www-authenticate",
        "x-request-id",
    ] {
        assert!(readable.contains(name), "{readable}");
    }
}

#[tokio::test]
async fn the_origins_that_are_named_are_the_only_ones_under_todos_as_well() {
    let app = app(FRIEND).await;
    for path in ["/todos", "/todos/any", "/lists/work/todos"] {
        let answer = may_at(&app, path, FRIEND, "DELETE", "idempotency-key").await;
        assert_eq!(answer.header("access-control-allow-origin"), FRIEND);
        let methods = answer.header("access-control-allow-methods");
        assert!(methods.contains("DELETE"), "{methods}");
        for foe in ["https://foe.example", "null"] {
            let answer = may_at(&app, path, foe, "DELETE", "").await;
            assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
        }
    }
    let request = Request::get("/todos").header("origin", "https://foe.example");
    let read = app.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(read.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn where_no_origin_is_wanted_none_is_told_to_use_anything() {
    let app = app("none").await;
    for path in ["/todo", "/todos", "/lists/work/todos", "/openapi.json"] {
        let answer = may_at(&app, path, FRIEND, "GET", "").await;
        assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
    }
}

#[tokio::test]
async fn unless_told_otherwise_pages_of_every_origin_may_use_the_lists_of_todo_backend() {
    // The compose files say nothing by an empty value.
    for policy in [
        Policy::default(),
        Policy {
            cors_origins: Some("".parse().unwrap()),
            ..Policy::default()
        },
    ] {
        let app = TestApp::start_with(policy).await;
        let answer = may_at(&app, "/todos", FRIEND, "DELETE", "").await;
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        let answer = may(&app, FRIEND, "DELETE", "").await;
        assert_eq!(answer.header("access-control-allow-origin"), "");
    }
}

#[tokio::test]
async fn an_ordinary_question_for_options_is_answered_as_everywhere() {
    let app = app("*").await;
    let answer = may(&app, "null", "POST", "").await;
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    let request = Request::options("/asyncapi.yaml").header("origin", FRIEND);
    let answer = app.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(answer.header("allow"), "GET,HEAD,OPTIONS");
}

#[tokio::test]
async fn unless_told_otherwise_nothing_is_said_to_pages_of_other_origins() {
    let app = TestApp::start().await;
    let answer = may(&app, FRIEND, "POST", "content-type").await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    let request = Request::get("/todo").header("origin", FRIEND);
    let read = app.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(read.status, StatusCode::OK);
    for answer in [answer, read] {
        let names = answer.headers.keys().map(axum::http::HeaderName::as_str);
        let told: Vec<_> = names
            .filter(|name| name.starts_with("access-control"))
            .collect();
        assert!(told.is_empty(), "{told:?}");
    }
}
