//! `GET /assets/…` and `GET /favicon.svg`, and how much goes over the wire.

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use http_body_util::BodyExt;
use tower::ServiceExt;

use crate::app::{Answer, TestApp};

/// The most that the first page may take over the wire, with what it needs (bytes).
const FIRST_PAGE: usize = 40 * 1024;

/// The most that all scripts may have (bytes).
const SCRIPTS: usize = 40 * 1024;

/// The files that a page refers to.
fn files(page: &Answer) -> Vec<String> {
    let addresses = page.body.split("=\"/assets/").skip(1);
    addresses
        .map(|rest| format!("/assets/{}", rest.split('"').next().unwrap()))
        .collect()
}

/// The number of bytes of a response, headers included.
async fn over_the_wire(app: &TestApp, path: &str) -> usize {
    let request = Request::get(path).header("accept-encoding", "gzip, br");
    let answer = app.router.clone();
    let answer = answer.oneshot(request.body(Body::empty()).unwrap()).await;
    let answer = answer.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    let headers: usize = answer
        .headers()
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum();
    headers + answer.into_body().collect().await.unwrap().to_bytes().len()
}

#[tokio::test]
async fn what_a_page_refers_to_may_be_kept_for_ever() {
    let app = TestApp::start().await;
    for (page, count) in [("/", 10), ("/system", 5), ("/new", 1)] {
        let files = files(&app.visit(page).await);
        assert_eq!(files.len(), count, "{page}: {files:?}");
        for path in files {
            let file = app.visit(&path).await;
            assert_eq!(file.status, StatusCode::OK, "{path}");
            let kind = if path.ends_with("css") {
                "css"
            } else {
                "javascript"
            };
            let kind = format!("text/{kind}; charset=utf-8");
            assert_eq!(file.header("content-type"), kind);
            let kept = "public, max-age=31536000, immutable";
            assert_eq!(file.header("cache-control"), kept);
        }
    }
}

#[tokio::test]
async fn a_page_of_another_version_is_not_left_without_style() {
    let app = TestApp::start().await;
    let style = app.visit("/assets/0000000000000000/style.css").await;
    assert_eq!(style.status, StatusCode::OK);
    assert_eq!(style.header("content-type"), "text/css; charset=utf-8");
    assert_eq!(style.header("cache-control"), "no-store");
    let other = app.visit("/assets/0000000000000000/other.js").await;
    assert_eq!(other.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_browser_finds_an_icon_wherever_it_looks() {
    let app = TestApp::start().await;
    for path in ["/favicon.svg", "/favicon.ico"] {
        let icon = app.visit(path).await;
        assert_eq!(icon.status, StatusCode::OK);
        assert_eq!(icon.header("content-type"), "image/svg+xml");
    }
}

#[tokio::test]
async fn the_scripts_are_small_and_so_is_the_first_page() {
    let mut app = TestApp::start().await;
    for number in 1..=100 {
        app.add(&format!("one of many things to do, number {number}"))
            .await;
    }
    app.save().await;
    let files = [
        files(&app.visit("/").await),
        files(&app.visit("/system").await),
    ];
    let mut scripts = files.concat();
    scripts.retain(|path| path.ends_with("js"));
    scripts.sort();
    scripts.dedup();
    let mut size = 0;
    for script in &scripts {
        size += app.visit(script).await.body.len();
    }
    assert_eq!(scripts.len(), 11);
    assert!(size < SCRIPTS, "{size} bytes of scripts");

    let mut size = over_the_wire(&app, "/").await + over_the_wire(&app, "/favicon.svg").await;
    for path in &files[0] {
        size += over_the_wire(&app, path).await;
    }
    assert!(size < FIRST_PAGE, "{size} bytes");
}

#[tokio::test]
async fn pages_are_compressed_for_those_who_can_read_it_and_what_is_pushed_is_not() {
    let app = TestApp::start().await;
    let ask = async |path: &str| {
        let request = Request::get(path).header("accept-encoding", "gzip");
        let answer = app.router.clone();
        let answer = answer.oneshot(request.body(Body::empty()).unwrap()).await;
        let headers = answer.unwrap().headers().clone();
        headers.get("content-encoding").cloned()
    };
    assert_eq!(ask("/").await.unwrap(), "gzip");
    assert_eq!(ask("/system").await.unwrap(), "gzip");
    assert_eq!(ask("/live").await, None);
    assert_eq!(ask("/system/live").await, None);
    assert_eq!(app.visit("/").await.header("content-encoding"), "");
}
