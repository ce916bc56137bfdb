//! `GET /todo`

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::app::{Answer, TestApp};

fn texts(answer: &Answer) -> Vec<&str> {
    let items = answer.body["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item["item"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn an_empty_list_is_a_page_without_items() {
    let app = TestApp::start().await;
    let answer = app.get("/todo").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body, json!({"items": [], "next": null}));
    assert_eq!(answer.header("link"), "</todo>; rel=\"first\"");
}

#[tokio::test]
async fn a_list_is_given_page_by_page_with_the_newest_last() {
    let mut app = TestApp::start().await;
    for item in ["one", "two", "three"] {
        app.post("/todo?list=a%20%26%20b", &json!({"item": item}))
            .await;
        app.post("/todo", &json!({"item": "elsewhere"})).await;
    }
    app.save().await;
    let first = app.get("/todo?list=a%20%26%20b&limit=2").await;
    assert_eq!(texts(&first), ["one", "two"]);
    let next = first.body["next"].as_str().unwrap();
    let address = format!("/todo?list=a+%26+b&limit=2&after={next}");
    let to_first = "</todo?list=a+%26+b&limit=2>; rel=\"first\"";
    let links = format!("{to_first}, <{address}>; rel=\"next\"");
    assert_eq!(first.header("link"), links);

    let second = app.get(&address).await;
    assert_eq!(texts(&second), ["three"]);
    assert_eq!(second.body["next"], Value::Null);
    assert_eq!(second.header("link"), to_first);
}

#[tokio::test]
async fn a_page_has_a_hundred_items_unless_the_caller_says() {
    let mut app = TestApp::start().await;
    for number in 0..101 {
        app.post("/todo", &json!({"item": number.to_string()}))
            .await;
    }
    app.save().await;
    assert_eq!(texts(&app.get("/todo").await).len(), 100);
    assert_eq!(texts(&app.get("/todo?limit=1").await), ["0"]);
    assert_eq!(texts(&app.get("/todo?limit=1000").await).len(), 101);
}

#[tokio::test]
async fn each_part_of_the_address_that_is_wrong_is_named() {
    let app = TestApp::start().await;
    let limit = ("limit", "must be a whole number from 1 to 1000");
    let after = (
        "after",
        "must be what an earlier page gave as the start of the next",
    );
    for (query, faults) in [
        ("limit=0", vec![limit]),
        ("limit=1001", vec![limit]),
        ("limit=-1", vec![limit]),
        ("limit=", vec![limit]),
        ("limit=ten", vec![limit]),
        ("after=", vec![after]),
        ("after=%00", vec![after]),
        ("after=x&limit=x", vec![limit, after]),
        (
            "after=x&list=",
            vec![("list", "must not be empty or blank"), after],
        ),
        ("limit=1&limit=2", vec![]),
    ] {
        let answer = app.get(&format!("/todo?{query}")).await;
        answer.refuses(StatusCode::BAD_REQUEST, "bad-query", "each parameter");
        assert_eq!(answer.faults(), faults, "{query}");
    }
    let answer = app.get("/todo?list=%0A").await;
    answer.refuses(
        StatusCode::UNPROCESSABLE_ENTITY,
        "invalid-field",
        "`errors`",
    );
    assert_eq!(answer.faults(), [("list", "must not be empty or blank")]);
}
