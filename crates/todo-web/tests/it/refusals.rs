//! Requests that are refused before they reach a handler.

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};

use uuid::Uuid;

use crate::app::{Answer, TestApp};

async fn post(app: &TestApp, kind: &str, body: impl Into<Body>) -> Answer {
    let request = Request::post("/new").header(header::CONTENT_TYPE, kind);
    app.send(request.body(body.into()).unwrap()).await
}

#[tokio::test]
async fn an_unknown_address_is_not_found() {
    let mut app = TestApp::start().await;
    for path in [
        "/nothing",
        "/items",
        "/list/x",
        "//elsewhere.example/",
        "/assets/x.css",
        "/new/1",
        "/%00",
    ] {
        app.visit(path)
            .await
            .refuses(StatusCode::NOT_FOUND, "There is nothing at this address");
    }
    app.language = "ko";
    app.visit("/nothing")
        .await
        .refuses(StatusCode::NOT_FOUND, "이 주소에는 아무것도 없어요");
}

#[tokio::test]
async fn an_address_with_a_slash_too_many_leads_to_the_one_without() {
    let app = TestApp::start().await;
    for (asked, address) in [
        ("/lists/shopping/", "/lists/shopping"),
        (
            "/lists/shopping/?show=active",
            "/lists/shopping?show=active",
        ),
        ("/system/", "/system"),
        ("/lists//", "/lists"),
    ] {
        let answer = app.visit(asked).await;
        assert_eq!(answer.status, StatusCode::PERMANENT_REDIRECT, "{asked}");
        assert_eq!(answer.location(), address);
    }
}

#[tokio::test]
async fn a_refusal_leads_back_to_the_list_that_it_came_from() {
    let mut app = TestApp::start().await;
    let back = |list: &str| format!("<p class=\"pages\"><a href=\"{list}\">");
    let page = app
        .visit_from("/lists/shopping?show=active", "/items/1")
        .await;
    page.refuses(StatusCode::NOT_FOUND, &back("/lists/shopping"));
    let page = app.visit("/lists/shopping/all?after=x").await;
    page.refuses(StatusCode::BAD_REQUEST, &back("/lists/shopping"));
    let id = Uuid::now_v7();
    let fields = [("list", "shopping"), ("show", "active")];
    let page = app.submit(&format!("/items/{id}/complete"), &fields).await;
    page.refuses(StatusCode::NOT_FOUND, &back("/lists/shopping?show=active"));
    app.visit("/items/1")
        .await
        .refuses(StatusCode::NOT_FOUND, &back("/"));
    let id = app.has_in("shopping", "buy milk").await;
    app.broker.cut().await;
    let page = app.submit(&format!("/items/{id}/complete"), &fields).await;
    let back = back("/lists/shopping?show=active");
    page.refuses(StatusCode::SERVICE_UNAVAILABLE, &back);
}

#[tokio::test]
async fn a_wrong_method_is_answered_with_the_right_ones() {
    let app = TestApp::start().await;
    let request = |method, path| Request::builder().method(method).uri(path);
    for (method, path, allowed) in [
        ("POST", "/", "GET,HEAD"),
        ("DELETE", "/new", "GET,HEAD,POST"),
        ("GET", "/items/1/complete", "POST"),
    ] {
        let page = app
            .send(request(method, path).body(Body::empty()).unwrap())
            .await;
        page.refuses(
            StatusCode::METHOD_NOT_ALLOWED,
            "This address cannot be used that way",
        );
        assert_eq!(page.header("allow"), allowed);
    }
}

#[tokio::test]
async fn another_sites_form_changes_nothing() {
    let mut app = TestApp::start().await;
    let key = app.visit("/").await.key();
    let fields = format!("key={key}&item=x");
    let send = async |headers: &[(&str, &str)]| {
        let mut request = Request::post("/new")
            .header("host", "todo.example")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        app.send(request.body(fields.clone().into()).unwrap()).await
    };
    for foreign in [
        [
            ("sec-fetch-site", "cross-site"),
            ("origin", "https://evil.example"),
        ],
        [
            ("sec-fetch-site", "same-site"),
            ("origin", "https://other.todo.example"),
        ],
        [("origin", "null"), ("accept", "text/html")],
        [("origin", "https://evil.example"), ("accept", "text/html")],
    ] {
        let answer = send(&foreign).await;
        answer.refuses(StatusCode::FORBIDDEN, "This form came from another site");
    }
    for ours in [
        [
            ("sec-fetch-site", "same-origin"),
            ("origin", "http://todo.example"),
        ],
        [("origin", "http://todo.example"), ("accept", "text/html")],
    ] {
        assert_eq!(send(&ours).await.status, StatusCode::SEE_OTHER);
    }
    assert_eq!(app.published().await.len(), 2);
}

#[tokio::test]
async fn what_is_no_form_is_refused() {
    let mut app = TestApp::start().await;
    for kind in [
        "application/json",
        "text/plain",
        "multipart/form-data; boundary=x",
        "%",
    ] {
        let page = post(&app, kind, "item=x").await;
        page.refuses(StatusCode::UNSUPPORTED_MEDIA_TYPE, "This is not a form");
    }
    let untyped = Request::post("/new").body("item=x".into()).unwrap();
    app.send(untyped)
        .await
        .refuses(StatusCode::UNSUPPORTED_MEDIA_TYPE, "This is not a form");
    let twice = post(&app, "application/x-www-form-urlencoded", "item=x&item=y").await;
    twice.refuses(StatusCode::BAD_REQUEST, "This request makes no sense");
    assert!(app.published().await.is_empty());
}

#[tokio::test]
async fn a_form_of_more_than_16_kib_is_refused() {
    let mut app = TestApp::start().await;
    let form = "application/x-www-form-urlencoded";
    let page = post(&app, form, format!("item={}", "x".repeat(16 * 1024))).await;
    page.refuses(StatusCode::PAYLOAD_TOO_LARGE, "up to 16 KiB");
    assert!(app.published().await.is_empty());

    let page = post(&app, form, format!("item={}", "x".repeat(16 * 1024 - 5))).await;
    page.refuses(StatusCode::UNPROCESSABLE_ENTITY, "16379 characters");
}

#[tokio::test]
async fn a_form_that_does_not_arrive_is_given_up() {
    let app = TestApp::start().await;
    tokio::time::pause();
    let body = Body::from_stream(futures_util::stream::pending::<
        Result<Vec<u8>, std::io::Error>,
    >());
    let page = post(&app, "application/x-www-form-urlencoded", body).await;
    page.refuses(StatusCode::REQUEST_TIMEOUT, "took too long to arrive");
}

#[tokio::test]
async fn what_is_no_text_is_refused_and_stores_nothing() {
    let mut app = TestApp::start().await;
    for path in [
        "/lists/%FF",
        "/lists?name=a%C3",
        "/?show=%FF",
        "/live?list=%ED%A0%80",
        "/items/%FF",
    ] {
        app.visit(path)
            .await
            .refuses(StatusCode::BAD_REQUEST, "This request makes no sense");
    }
    let form = "application/x-www-form-urlencoded";
    for body in [
        &b"item=%FF"[..],
        b"item=a&list=%C3",
        b"item=\xff",
        b"item=%ED%A0%BD",
    ] {
        post(&app, form, body)
            .await
            .refuses(StatusCode::BAD_REQUEST, "This request makes no sense");
    }
    assert!(app.published().await.is_empty());
}

#[tokio::test]
async fn a_text_that_shows_nothing_is_refused_as_blank() {
    let mut app = TestApp::start().await;
    for item in ["\u{200b}", "\u{3164} \u{2800}", "\u{feff}"] {
        let page = app.submit("/new", &[("item", item)]).await;
        page.refuses(StatusCode::UNPROCESSABLE_ENTITY, "There is no text yet");
    }
    assert!(app.published().await.is_empty());
}
