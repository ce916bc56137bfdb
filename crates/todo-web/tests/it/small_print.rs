//! Variants of a request that clients and proxies make on its way

use std::io::Write;

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use flate2::{Compression, write::GzEncoder};

use crate::app::{Answer, TestApp};

fn gzip(text: &str) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(text.as_bytes()).unwrap();
    packed.finish().unwrap()
}

async fn sends(app: &TestApp, coding: &str, body: Vec<u8>) -> Answer {
    let request = Request::post("/new")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("content-encoding", coding);
    app.send(request.body(body.into()).unwrap()).await
}

#[tokio::test]
async fn a_form_may_come_packed_or_with_a_byte_order_mark() {
    let mut app = TestApp::start().await;
    let marked = "\u{feff}item=buy+milk";
    for (coding, body) in [
        ("gzip", gzip("item=buy+milk")),
        ("gzip", gzip(marked)),
        ("identity", marked.into()),
    ] {
        let answer = sends(&app, coding, body).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
    }
    assert_eq!(app.published().await.len(), 3);
    let answer = sends(&app, "br", b"item=buy+milk".to_vec()).await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let answer = sends(&app, "gzip", b"item=buy+milk".to_vec()).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(app.published().await.is_empty());
}

#[tokio::test]
async fn every_address_with_a_slash_at_its_end_names_the_one_without() {
    let app = TestApp::start().await;
    for (method, path, meant) in [
        ("GET", "/lists/work/", "/lists/work"),
        ("GET", "/new/?list=work", "/new?list=work"),
        ("POST", "/new/", "/new"),
        ("GET", "/system/", "/system"),
    ] {
        let request = Request::builder().method(method).uri(path);
        let answer = app.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::PERMANENT_REDIRECT, "{path}");
        assert_eq!(answer.location(), meant);
    }
}
