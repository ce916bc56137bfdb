//! Responses to the page's script, which ignores a response that does not name its change.

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::{Answer, TestApp};

impl Answer {
    /// The answer to a script.
    fn verdict(&self) -> Value {
        assert_eq!(self.header("content-type"), "application/json");
        assert_eq!(self.header("cache-control"), "no-store");
        assert_eq!(self.location(), "");
        serde_json::from_str(&self.body).unwrap()
    }
}

fn new_key() -> String {
    Uuid::now_v7().to_string()
}

#[tokio::test]
async fn each_change_of_a_script_is_accepted_by_its_name() {
    let mut app = TestApp::start().await;
    let id = new_key();
    let mut answers = vec![(
        id.clone(),
        app.change("/new", &id, &[("id", &id), ("item", "buy milk")])
            .await,
    )];
    app.save().await;
    for (verb, fields) in [
        ("complete", [("completed", "true")]),
        ("reopen", [("completed", "false")]),
        ("move", [("order", "1.5")]),
        ("rename", [("item", "oat milk")]),
        ("delete", [("deleted", "true")]),
        ("restore", [("deleted", "false")]),
    ] {
        let key = new_key();
        let path = format!("/items/{id}/{verb}");
        answers.push((key.clone(), app.change(&path, &key, &fields).await));
    }
    for (key, answer) in answers {
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let expected = json!({ "change": key, "answer": "accepted" });
        assert_eq!(answer.verdict(), expected);
    }
    app.save().await;
    assert_eq!(app.visit("/").await.items(), ["oat milk"]);
}

#[tokio::test]
async fn what_would_be_refused_again_is_refused_with_a_reason() {
    let mut app = TestApp::start().await;
    let id = app.has("buy milk").await;
    let nobody = new_key();
    let (long, huge) = ("x".repeat(257), "x".repeat(20_000));
    let rename = format!("/items/{id}/rename");
    for (path, fields, status, why) in [
        ("/new", ("item", &*long), 422, "257 characters"),
        ("/new", ("item", " "), 422, "There is no text yet"),
        ("/new", ("item", &*huge), 413, "too much text"),
        (&*rename, ("item", &*long), 422, "257 characters"),
        (
            &format!("/items/{id}/move"),
            ("order", "x"),
            400,
            "makes no sense",
        ),
        (
            &format!("/items/{nobody}/rename"),
            ("item", "oat milk"),
            404,
            "no such item",
        ),
    ] {
        let key = new_key();
        let answer = app.change(path, &key, &[fields]).await;
        assert_eq!(answer.status.as_u16(), status, "{path}");
        let verdict = answer.verdict();
        assert_eq!(verdict["change"], key);
        assert_eq!(verdict["answer"], "refused");
        let said = verdict["why"].as_str().unwrap();
        assert!(said.contains(why), "{said}");
    }
    // A key that cannot be read is named back all the same.
    let answer = app.change("/new", "0193", &[("item", "buy milk")]).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.verdict()["change"], "0193");
    assert_eq!(answer.verdict()["answer"], "refused");
}

#[tokio::test]
async fn what_may_be_taken_another_time_is_later() {
    let mut app = TestApp::start().await;
    let id = app.has("buy milk").await;
    let key = new_key();
    let later = json!({ "change": key, "answer": "later" });
    // A verb of a newer version, a proxy that changed the type, and one that changed the origin.
    let path = format!("/items/{id}/praise");
    let answer = app.change(&path, &key, &[]).await;
    assert_eq!(
        (answer.status, answer.verdict()),
        (StatusCode::NOT_FOUND, later.clone())
    );
    for (header, value, status) in [
        ("content-type", "text/plain", 415),
        ("sec-fetch-site", "cross-site", 403),
    ] {
        let request = Request::post("/new")
            .header("todo-change", &key)
            .header(header, value)
            .body(Body::from("item=buy+milk"));
        let answer = app.send(request.unwrap()).await;
        assert_eq!(
            (answer.status.as_u16(), answer.verdict()),
            (status, later.clone())
        );
    }
    app.broker.cut().await;
    for (path, fields) in [
        ("/new".to_owned(), [("item", "oat milk")]),
        (format!("/items/{id}/rename"), [("item", "oat milk")]),
        (format!("/items/{id}/complete"), [("completed", "true")]),
    ] {
        let answer = app.change(&path, &key, &fields).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert_eq!(answer.verdict(), later);
    }
}

#[tokio::test]
async fn a_script_of_an_older_version_is_answered_as_a_form_is() {
    let app = TestApp::start().await;
    let key = new_key();
    let fields = [
        ("key", &*key),
        ("item", "buy milk"),
        ("order", "1795820657"),
    ];
    let answer = app.submit("/new", &fields).await;
    assert_eq!(answer.accepted().to_string(), key);
    // And whoever asks for a page gets one, whatever it says of changes.
    let page = Request::get("/").header("todo-change", &key);
    let page = app.send(page.body(Body::empty()).unwrap()).await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
}

#[tokio::test]
async fn keys_of_devices_whose_clock_is_wrong_by_centuries_are_as_good_as_others() {
    let mut app = TestApp::start().await;
    let keys = [
        "00000000-0000-7abc-8def-0123456789ab",
        "00dc6acf-ac00-7abc-8def-0123456789ab",
        "e677d21f-dbff-7abc-8def-0123456789ab",
        "ffffffff-ffff-7abc-8def-0123456789ab",
    ];
    for (number, key) in keys.into_iter().enumerate() {
        let text = format!("item {number}");
        let answer = app
            .change("/new", key, &[("id", key), ("item", &text)])
            .await;
        assert_eq!(answer.verdict()["answer"], "accepted");
        app.save().await;
    }
    // They are in the order in which they came.
    let items = ["item 0", "item 1", "item 2", "item 3"];
    assert_eq!(app.visit("/").await.items(), items);
}
