//! `GET /assets/…` and `GET /favicon.svg`

use axum::http::StatusCode;

use crate::app::TestApp;

#[tokio::test]
async fn the_style_has_an_address_that_may_be_kept_for_ever() {
    let app = TestApp::start().await;
    let page = app.visit("/").await;
    let (_, path) = page
        .body
        .split_once("<link rel=\"stylesheet\" href=\"")
        .unwrap();
    let style = app.visit(path.split_once('"').unwrap().0).await;
    assert_eq!(style.status, StatusCode::OK);
    assert_eq!(style.header("content-type"), "text/css; charset=utf-8");
    assert_eq!(
        style.header("cache-control"),
        "public, max-age=31536000, immutable"
    );
    assert!(style.has("prefers-color-scheme: dark"));
}

#[tokio::test]
async fn a_page_of_another_version_is_not_left_without_style() {
    let app = TestApp::start().await;
    let style = app.visit("/assets/style.0000000000000000.css").await;
    assert_eq!(style.status, StatusCode::OK);
    assert_eq!(style.header("content-type"), "text/css; charset=utf-8");
    assert_eq!(style.header("cache-control"), "no-store");
    let other = app.visit("/assets/script.js").await;
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
async fn the_script_is_small_and_has_an_address_that_may_be_kept_for_ever() {
    let app = TestApp::start().await;
    let page = app.visit("/").await;
    let (_, path) = page
        .body
        .split_once("<script type=\"module\" src=\"")
        .unwrap();
    let script = app.visit(path.split_once('"').unwrap().0).await;
    assert_eq!(script.status, StatusCode::OK);
    assert_eq!(
        script.header("content-type"),
        "text/javascript; charset=utf-8"
    );
    assert!(script.header("cache-control").ends_with("immutable"));
    assert!(script.body.len() < 20 * 1024);
    let older = app.visit("/assets/live.0000000000000000.js").await;
    assert_eq!(older.header("cache-control"), "no-store");
}

#[tokio::test]
async fn the_page_of_the_system_has_a_style_and_a_script_of_its_own_beside_the_others() {
    let app = TestApp::start().await;
    let page = app.visit("/system").await;
    let mut found = 0;
    for address in page.body.split("=\"/assets/").skip(1) {
        let path = format!("/assets/{}", address.split('"').next().unwrap());
        let file = app.visit(&path).await;
        assert_eq!(file.status, StatusCode::OK, "{path}");
        assert!(file.header("cache-control").ends_with("immutable"));
        found += 1;
    }
    assert_eq!(found, 4);
}
