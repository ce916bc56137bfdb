//! Effects of clients and proxies on requests, and of responses on their readers

use std::io::Write;

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use flate2::{
    Compression,
    write::{GzEncoder, ZlibEncoder},
};
use http_body_util::BodyExt;
use serde_json::json;

use crate::app::{Answer, TestApp, json_request};

const MARK: &str = "\u{feff}";

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(text).unwrap();
    packed.finish().unwrap()
}

fn deflate(text: &[u8]) -> Vec<u8> {
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
    packed.write_all(text).unwrap();
    packed.finish().unwrap()
}

async fn sends(app: &TestApp, path: &str, body: Vec<u8>, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::post(path);
    let headers = headers.iter();
    for (name, value) in headers.chain(&[("content-type", "application/json")]) {
        request = request.header(*name, *value);
    }
    app.send(request.body(body.into()).unwrap()).await
}

#[tokio::test]
async fn a_body_may_come_packed_and_is_the_same_request_as_unpacked() {
    let mut app = TestApp::start().await;
    let text = json!({ "item": "buy milk" }).to_string();
    let plain = sends(
        &app,
        "/todo",
        text.clone().into(),
        &[("idempotency-key", "k")],
    )
    .await;
    let (gzip, deflate) = (gzip(text.as_bytes()), deflate(text.as_bytes()));
    for (coding, body) in [
        ("gzip", gzip.clone()),
        ("X-GZip", gzip.clone()),
        ("identity, gzip", gzip),
        ("deflate", deflate),
        ("identity", text.into()),
    ] {
        let headers = [("content-encoding", coding), ("idempotency-key", "k")];
        let again = sends(&app, "/todo", body.clone(), &headers).await;
        assert_eq!(again.header("idempotency-replayed"), "true", "{coding}");
        assert_eq!(again.accepted(), plain.accepted());
        let other = sends(&app, "/todo", body, &[("content-encoding", coding)]).await;
        other.accepted();
    }
    assert_eq!(app.published().await.len(), 6);
}

#[tokio::test]
async fn a_body_is_json_if_every_line_of_its_type_says_so() {
    let app = TestApp::start().await;
    let send = async |kinds: &[&str]| {
        let mut request = Request::post("/todo");
        for kind in kinds {
            request = request.header("content-type", *kind);
        }
        let text = json!({ "item": "buy milk" }).to_string();
        app.send(request.body(text.into()).unwrap()).await
    };
    for kinds in [
        &["Application/JSON ; charset=\"utf-8\"; a=\";,\""][..],
        &["application/vnd.todo+json"],
        &["application/json", "application/json; charset=utf-8"],
    ] {
        send(kinds).await.accepted();
    }
    for kinds in [
        &[][..],
        &["text/plain; x=application/json"],
        &["application/jsonp"],
        &["application/json", "text/plain"],
        &["application/json, text/plain"],
    ] {
        let answer = send(kinds).await;
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        answer.refuses(status, "unsupported-media-type", "application/json");
    }
}

/// A terminal shows its prompt behind a body that does not end its line.
#[tokio::test]
async fn every_answer_in_json_ends_its_line() {
    let mut app = TestApp::start().await;
    let id = app.has("buy milk").await;
    let one = format!("/todo/{id}");
    let paths = ["/", "/openapi.json", "/todo", &one, "/todos", "/nothing"];
    for path in paths {
        let answer = text(&app, path).await;
        assert!(answer.ends_with("}\n") || answer.ends_with("]\n"), "{path}");
    }
    let batch = json_request("POST", "/todo/batch", &json!([{ "item": "a" }]));
    let answer = app.fetch(batch).await.into_body().collect().await.unwrap();
    assert!(answer.to_bytes().ends_with(b"}]\n"));
}

#[tokio::test]
async fn a_body_that_is_packed_in_another_way_is_refused_by_name() {
    let app = TestApp::start().await;
    for coding in ["br", "zstd", "gzip, gzip", "aws-chunked"] {
        let answer = sends(
            &app,
            "/todo",
            b"{}".to_vec(),
            &[("content-encoding", coding)],
        )
        .await;
        answer.refuses(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-content-encoding",
            "`Content-Encoding: gzip`",
        );
        assert_eq!(answer.header("accept-encoding"), "gzip, deflate");
    }
    let text = json!({ "item": "buy milk" }).to_string();
    let answer = sends(&app, "/todo", text.into(), &[("content-encoding", "gzip")]).await;
    answer.refuses(StatusCode::BAD_REQUEST, "bad-request", "`Content-Encoding`");
}

/// A megabyte of spaces, for example, is a kilobyte when compressed.
#[tokio::test]
async fn the_limit_of_a_body_counts_what_is_unpacked() {
    let app = TestApp::start().await;
    for (path, size) in [("/todo", 16 * 1024), ("/todo/batch", 2 * 1024 * 1024)] {
        let headers = [("content-encoding", "gzip")];
        let mut text = br#"{"item":"buy milk"}"#.to_vec();
        text.resize(size, b' ');
        let fits = sends(&app, path, gzip(&text), &headers).await;
        assert_ne!(fits.status, StatusCode::PAYLOAD_TOO_LARGE, "{}", fits.body);
        text.push(b' ');
        let answer = sends(&app, path, gzip(&text), &headers).await;
        answer.refuses(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "bytes");
    }
}

#[tokio::test]
async fn a_byte_order_mark_before_a_body_is_skipped() {
    let app = TestApp::start().await;
    let text = format!("{MARK}{}", json!({ "item": "buy milk" }));
    sends(&app, "/todo", text.clone().into(), &[])
        .await
        .accepted();
    sends(
        &app,
        "/todo",
        gzip(text.as_bytes()),
        &[("content-encoding", "gzip")],
    )
    .await
    .accepted();
    let items = format!("{MARK}{}", json!([{ "item": "buy milk" }]));
    for (kind, text) in [("application/json", items), ("application/x-ndjson", text)] {
        let request = Request::post("/todo/batch").header("content-type", kind);
        let answer = app.send(request.body(text.into()).unwrap()).await;
        assert_eq!(answer.body[0]["status"], 202, "{}", answer.body);
    }
    let twice = format!("{MARK}{MARK}{}", json!({ "item": "buy milk" }));
    let answer = sends(&app, "/todo", twice.into(), &[]).await;
    answer.refuses(StatusCode::BAD_REQUEST, "malformed-json", "no JSON");
}

#[tokio::test]
async fn every_address_with_a_slash_at_its_end_names_the_one_without() {
    let app = TestApp::start().await;
    for (method, path) in [
        ("GET", "/todo/"),
        ("POST", "/todo/"),
        ("POST", "/todo/batch/"),
        ("PATCH", "/todo/01a1f961-0f41-7277-9d2b-20d8f82dad2d/"),
        ("GET", "/todo/events/"),
        ("GET", "/todos/"),
        ("DELETE", "/todos/01a1f961-0f41-7277-9d2b-20d8f82dad2d/"),
        ("POST", "/lists/work/todos/"),
        ("GET", "/openapi.json/"),
        ("GET", "/docs/"),
    ] {
        for query in ["", "?list=work&limit=2"] {
            let request = Request::builder().method(method);
            let request = request.uri(format!("{path}{query}"));
            let answer = app.fetch(request.body(Body::empty()).unwrap()).await;
            assert_eq!(answer.status(), StatusCode::PERMANENT_REDIRECT, "{path}");
            let location = answer.headers()["location"].to_str().unwrap();
            assert_eq!(location, format!("{}{query}", path.trim_end_matches('/')));
        }
    }
    let nothing = app.get("/nothing").await;
    nothing.refuses(
        StatusCode::NOT_FOUND,
        "not-found",
        "nothing at this address",
    );
}

async fn text(app: &TestApp, path: &str) -> String {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let body = app.fetch(request).await.into_body();
    String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn a_whole_number_is_written_whole_in_every_document() {
    let mut app = TestApp::start().await;
    let id = app.has("buy milk").await;
    for (order, written) in [
        (json!(1), "1"),
        (json!(1.0), "1"),
        (json!(-0.5), "-0.5"),
        (json!(1e20), "100000000000000000000"),
        (json!(1e21), "1e+21"),
    ] {
        app.patch(&id, &json!({ "order": order })).await.accepted();
        app.save().await;
        for path in [
            "/todo",
            &format!("/todo/{id}"),
            "/todos",
            &format!("/todos/{id}"),
        ] {
            let text = text(&app, path).await;
            assert!(
                text.contains(&format!("\"order\":{written},")),
                "{path}: {text}"
            );
        }
    }
}

/// `splitlines` of Python, for one, ends lines there.
#[tokio::test]
async fn no_answer_has_a_line_end_in_a_text_for_whoever_reads_lines() {
    let mut app = TestApp::start().await;
    app.has("a\u{2028}b").await;
    let listed = text(&app, "/todo").await;
    assert!(listed.contains(r"a\u2028b"), "{listed}");
    let request = json_request("POST", "/todo", &json!({ "item": "c", "d\u{2029}e": 1 }));
    let mut refused = app.fetch(request).await;
    let refused = refused.body_mut().collect().await.unwrap().to_bytes();
    let refused = str::from_utf8(&refused).unwrap();
    assert!(refused.contains(r"d\u2029e"), "{refused}");
    let request = Request::post("/todo/batch").header("content-type", "application/x-ndjson");
    let lines = "{\"item\":\"c\",\"d\u{2028}e\":1}\n{\"item\":\"f\"}\n";
    let answer = app.fetch(request.body(lines.into()).unwrap()).await;
    let answer = answer.into_body().collect().await.unwrap().to_bytes();
    let answer = str::from_utf8(&answer).unwrap();
    assert!(answer.ends_with('\n') && answer.lines().count() == 2);
    assert!(answer.contains(r"d\u2028e"), "{answer}");
}
