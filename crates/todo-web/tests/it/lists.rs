//! `/lists/…`: other lists than the default one, filters, and what is done to all items at once.

use axum::http::StatusCode;
use events::{Event, ItemCompleted, ItemDeleted};

use crate::app::TestApp;

#[tokio::test]
async fn a_list_has_an_address_and_items_of_its_own() {
    let mut app = TestApp::start().await;
    app.has("buy milk").await;
    let films = "/lists/%EC%B1%85%2F%EC%98%81%ED%99%94";
    let empty = app.visit(films).await;
    assert!(empty.items().is_empty() && empty.has(">책/영화</a></h1>"));
    assert!(empty.has("data-live=\"/live?list=%EC%B1%85%2F%EC%98%81%ED%99%94\""));
    assert!(empty.has("name=\"list\" value=\"책/영화\""));

    let fields = [("list", "책/영화"), ("item", "읽기")];
    let answer = app.submit("/new", &fields).await;
    assert!(answer.location().starts_with(&format!("{films}?accepted=")));
    let id = app.save().await.unwrap();
    assert_eq!(app.visit(films).await.items(), ["읽기"]);
    assert_eq!(app.visit("/").await.items(), ["buy milk"]);

    let fields = [("list", "책/영화"), ("show", "active"), ("order", "1")];
    let answer = app.submit(&format!("/items/{id}/move"), &fields).await;
    assert_eq!(
        answer.location(),
        format!("{films}?show=active&changed={id}")
    );
    let whole = app.visit(&format!("{films}/all")).await;
    assert_eq!(whole.items(), ["읽기"]);
    assert!(whole.has("name=\"page\" value=\"\""));
}

#[tokio::test]
async fn a_list_is_opened_by_its_name() {
    let app = TestApp::start().await;
    for (asked, address) in [
        ("/lists?name=+shopping+", "/lists/shopping"),
        ("/lists?name=a%2Fb", "/lists/a%2Fb"),
        ("/lists?name=default", "/"),
        ("/lists/default", "/"),
        ("/lists/default?show=active", "/?show=active"),
    ] {
        assert_eq!(app.visit(asked).await.location(), address, "{asked}");
    }
    for asked in ["/lists?name=", "/lists?name=%00", "/lists"] {
        assert_eq!(
            app.visit(asked).await.status,
            StatusCode::BAD_REQUEST,
            "{asked}"
        );
    }
    let long = format!("/lists/{}", "x".repeat(65));
    for asked in [&long, "/lists/%20", "/lists/a%0Ab/all"] {
        app.visit(asked)
            .await
            .refuses(StatusCode::NOT_FOUND, "nothing at this address");
    }
}

#[tokio::test]
async fn a_filter_is_a_link_that_shows_some_of_the_items() {
    let mut app = TestApp::start().await;
    let id = app.has("buy milk").await;
    app.has("water the plants").await;
    app.submit(&format!("/items/{id}/complete"), &[]).await;
    app.save().await;
    for (address, expected) in [
        ("/", vec!["[buy milk]", "water the plants"]),
        ("/?show=active", vec!["water the plants"]),
        ("/?show=completed", vec!["[buy milk]"]),
    ] {
        let page = app.visit(address).await;
        assert_eq!(page.items(), expected);
        let selected = format!("<a href=\"{address}\" class=\"selected\" aria-current=\"page\">");
        assert!(page.has(&selected), "{}", page.body);
        assert_eq!(page.body.matches("selected").count(), 1);
        assert!(page.has("<strong>1</strong> item left"));
    }
    assert_eq!(app.visit("/?show=x").await.items().len(), 2);
}

#[tokio::test]
async fn all_items_of_a_list_are_done_reopened_and_cleared_by_an_event_each() {
    let mut app = TestApp::start().await;
    app.has("elsewhere").await;
    let done = app.has_in("work", "done").await;
    app.submit(&format!("/items/{done}/complete"), &[]).await;
    app.save().await;
    for item in ["one", "two"] {
        app.has_in("work", item).await;
    }
    let fields = [("list", "work")];
    let answer = app.submit("/lists/work/complete", &fields).await;
    assert_eq!(answer.location(), "/lists/work?changed=all");
    app.submit("/lists/work/complete", &fields).await;
    let published = app.published().await;
    assert_eq!(published.len(), 4, "those that are open, twice");
    assert!(
        published
            .iter()
            .all(|event| event.subject() == ItemCompleted::SUBJECT)
    );

    // What was published above is only looked at, and not saved.
    app.submit("/lists/work/reopen", &fields).await;
    app.save().await;
    assert_eq!(
        app.visit("/lists/work").await.items(),
        ["done", "one", "two"]
    );
    app.submit("/lists/work/complete", &fields).await;
    app.save().await;
    assert_eq!(
        app.visit("/lists/work").await.items(),
        ["[done]", "[one]", "[two]"]
    );
    app.submit("/lists/work/clear", &fields).await;
    let published = app.published().await;
    assert!(
        published
            .iter()
            .all(|event| event.subject() == ItemDeleted::SUBJECT)
    );
    assert_eq!(published.len(), 3);
    assert_eq!(app.visit("/").await.items(), ["elsewhere"]);
}

#[tokio::test]
async fn without_the_broker_or_the_database_nothing_is_said_to_be_done() {
    let mut app = TestApp::start().await;
    app.has_in("work", "one").await;
    app.broker.cut().await;
    let fields = [("list", "work"), ("show", "active")];
    let page = app.submit("/lists/work/complete", &fields).await;
    page.refuses(
        StatusCode::SERVICE_UNAVAILABLE,
        "cannot be accepted right now",
    );
    assert!(page.has("action=\"/lists/work/complete\""));
    assert!(page.has("name=\"list\" value=\"work\"") && page.has("name=\"show\" value=\"active\""));
    let page = app.submit("/lists/work/complete", &[]).await;
    assert!(page.has("action=\"/lists/work/complete\""));
    app.broker.restore().await;
    app.database.cut().await;
    let page = app.submit("/lists/work/complete", &fields).await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
}
