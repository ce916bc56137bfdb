//! Operation while a part of the system is unavailable.

use std::time::{Duration, Instant};

use axum::http::StatusCode;

use crate::app::{Answer, TestApp};

/// The promised time limit of the response to a form while the broker is unavailable.
const PROMISE: Duration = Duration::from_secs(2);

fn is_down(page: &Answer) -> bool {
    page.has("because the database is away")
}

#[tokio::test]
async fn without_the_broker_a_form_is_kept_and_can_be_sent_again() {
    let mut app = TestApp::start().await;
    let key = app.visit("/").await.key();
    app.broker.cut().await;
    for (language, advice) in [
        ("en", "Your text is kept"),
        ("ko", "입력한 내용은 그대로 있으니"),
    ] {
        app.language = language;
        let start = Instant::now();
        let page = app
            .submit("/new", &[("key", &key), ("item", "buy <milk>")])
            .await;
        assert!(start.elapsed() < PROMISE);
        page.refuses(StatusCode::SERVICE_UNAVAILABLE, advice);
        assert_eq!(page.header("retry-after"), "1");
        assert!(page.has("type=\"text\" value=\"buy &#60;milk&#62;\""));
        assert_eq!(page.key(), key);
    }
    assert_eq!(app.visit("/").await.status, StatusCode::OK);

    app.broker.restore().await;
    app.accepts(&[("key", &key), ("item", "buy <milk>")]).await;
    app.save().await;
    assert_eq!(app.visit("/").await.items(), ["buy &#60;milk&#62;"]);
}

#[tokio::test]
async fn a_text_that_is_edited_while_the_broker_is_away_is_the_one_that_counts() {
    let mut app = TestApp::start().await;
    let key = app.visit("/").await.key();
    // The broker stores the first text, and its answer gets lost.
    app.submit("/new", &[("key", &key), ("item", "buy milk")])
        .await
        .accepted();
    app.broker.cut().await;
    let page = app
        .submit("/new", &[("key", &key), ("item", "buy milk")])
        .await;
    assert!(
        page.has("name=\"sent\" value=\"buy milk\""),
        "{}",
        page.body
    );
    let edited = [
        ("key", key.as_str()),
        ("sent", "buy milk"),
        ("item", "buy oat milk"),
    ];
    let page = app.submit("/new", &edited).await;
    assert!(page.has("name=\"sent\" value=\"\""), "{}", page.body);
    let blank = [("key", key.as_str()), ("sent", ""), ("item", " ")];
    assert!(
        app.submit("/new", &blank)
            .await
            .has("name=\"sent\" value=\"\"")
    );

    app.broker.restore().await;
    app.accepts(&[("key", &key), ("sent", ""), ("item", "buy oat milk")])
        .await;
    app.save().await;
    assert_eq!(app.visit("/").await.items(), ["buy oat milk"]);
}

/// The form that comes back stands for the item that the first one may have added.
#[tokio::test]
async fn a_form_that_was_sent_without_a_word_from_the_broker_is_still_that_of_one_item() {
    let mut app = TestApp::start().await;
    let form = app.visit("/").await;
    let mut fields = form.hidden();
    fields.push(("item", "buy milk"));
    let first = app.submit("/new", &fields).await.accepted();
    app.broker.cut().await;
    let again = app.submit("/new", &fields).await;
    again.refuses(StatusCode::SERVICE_UNAVAILABLE, "Your text is kept");
    assert_eq!(again.key(), first.to_string());
    app.broker.restore().await;
    let mut edited = again.hidden();
    edited.push(("item", "buy oat milk"));
    app.accepts(&edited).await;
    app.save().await;
    assert_eq!(app.visit("/").await.items(), ["buy oat milk"]);
}

#[tokio::test]
async fn a_broker_that_does_not_answer_is_not_waited_for() {
    let app = TestApp::start().await;
    let key = app.visit("/").await.key();
    app.broker.stall();
    let start = Instant::now();
    let page = app
        .submit("/new", &[("key", &key), ("item", "buy milk")])
        .await;
    assert!(start.elapsed() < PROMISE, "{:?}", start.elapsed());
    page.refuses(StatusCode::SERVICE_UNAVAILABLE, "value=\"buy milk\"");
}

#[tokio::test]
async fn without_the_broker_a_change_can_be_sent_again_from_its_page() {
    let mut app = TestApp::start().await;
    let id = app.has("buy milk").await;
    app.broker.cut().await;
    for verb in ["complete", "reopen", "delete"] {
        let path = format!("/items/{id}/{verb}");
        let page = app.submit(&path, &[("page", "")]).await;
        page.refuses(
            StatusCode::SERVICE_UNAVAILABLE,
            "cannot be accepted right now",
        );
        assert_eq!(page.header("retry-after"), "1");
        assert!(page.has(&format!("method=\"post\" action=\"{path}\"")));
        assert!(page.has("name=\"page\" value=\"\""));
    }
    let path = format!("/items/{id}/rename");
    let page = app.submit(&path, &[("item", "buy oat milk")]).await;
    page.refuses(StatusCode::SERVICE_UNAVAILABLE, "value=\"buy oat milk\"");
    assert_eq!(page.header("retry-after"), "1");
}

#[tokio::test]
async fn without_the_database_the_page_says_so_and_takes_items() {
    let mut app = TestApp::start().await;
    let id = app.has("buy milk").await;
    app.database.cut().await;
    app.sees("the outage", is_down).await;

    let page = app.visit("/").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(
        page.items().is_empty() && page.has("data-away") && page.has("<p class=\"empty\" hidden>"),
        "{}",
        page.body
    );
    assert!(app.visit("/list").await.has("because the database is away"));
    app.language = "ko";
    assert!(app.visit("/").await.has("데이터베이스에 연결할 수 없어서"));
    app.language = "en";

    let answer = app.add("buy bread").await;
    assert!(
        app.visit(answer.location())
            .await
            .has("It will appear in the list")
    );
    let answer = app.submit(&format!("/items/{id}/complete"), &[]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);

    app.database.restore().await;
    app.sees("the end of the outage", |page| !is_down(page))
        .await;
    app.save().await;
    assert_eq!(app.visit("/").await.items(), ["[buy milk]", "buy bread"]);
}

#[tokio::test]
async fn without_the_database_each_page_says_that_it_is_why() {
    let mut app = TestApp::start().await;
    let id = app.has("buy milk").await;
    app.database.cut().await;
    app.sees("the outage", is_down).await;
    let unavailable = StatusCode::SERVICE_UNAVAILABLE;
    let item = format!("/items/{id}");
    for (language, advice, each) in [
        (
            "en",
            "The item cannot be shown: the database is away",
            "This cannot be done right now: the database is away",
        ),
        (
            "ko",
            "데이터베이스에 연결할 수 없어서 할 일을 보여 드릴 수 없어요",
            "데이터베이스에 연결할 수 없어서 지금은 할 수 없어요",
        ),
    ] {
        app.language = language;
        app.visit(&item).await.refuses(unavailable, advice);
        for verb in ["complete", "reopen", "clear"] {
            let page = app.submit(&format!("/lists/default/{verb}"), &[]).await;
            page.refuses(unavailable, each);
        }
    }
    app.language = "en";
    let lists = app.visit("/lists").await;
    assert!(lists.has("The lists cannot be shown because the database is away."));
    assert!(lists.has("<form class=\"add\" action=\"/lists\">"));
}

#[tokio::test]
async fn a_database_that_refuses_to_answer_is_not_said_to_be_away() {
    let mut app = TestApp::start().await;
    let id = app.has("buy milk").await;
    // No version ever stored such a text.
    app.sql("update items set item = 'x' || chr(10) || 'y'")
        .await;
    let page = app.visit(&format!("/items/{id}")).await;
    page.refuses(
        StatusCode::INTERNAL_SERVER_ERROR,
        "Something is broken here",
    );
    let page = app.visit("/").await;
    assert!(page.has("because the database refuses to tell") && page.has("data-away"));
}

#[tokio::test]
async fn a_change_that_the_broker_does_not_take_is_refused_with_the_reason() {
    let mut app = TestApp::start().await;
    let id = app.has("buy milk").await;
    let complete = format!("/items/{id}/complete");
    let unavailable = StatusCode::SERVICE_UNAVAILABLE;
    app.broker.stall();
    let page = app.submit(&complete, &[]).await;
    page.refuses(unavailable, "The message broker did not answer in time");
    let page = app.submit("/new", &[("item", "buy bread")]).await;
    page.refuses(unavailable, "did not say in time whether this was accepted");
    app.broker.cut().await;
    let page = app.submit(&complete, &[]).await;
    page.refuses(unavailable, "the message broker is away");
    let page = app.submit("/new", &[("item", "buy bread")]).await;
    page.refuses(unavailable, "because the message broker cannot be reached");
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_not_waited_for_long() {
    let mut app = TestApp::start().await;
    let id = app.has("buy milk").await;
    app.database.stall();
    let start = Instant::now();
    let answer = app.submit(&format!("/items/{id}/complete"), &[]).await;
    assert!(start.elapsed() < PROMISE, "{:?}", start.elapsed());
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "published anyway");
    assert_eq!(app.published().await.len(), 1);

    let start = Instant::now();
    let page = app.visit("/").await;
    assert!(
        start.elapsed() < Duration::from_secs(4),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(page.status, StatusCode::OK);
    assert!(is_down(&page));
}
