//! `/lists/…`: other lists than the default one, filters, and what is done to all items at once.

use axum::http::StatusCode;
use events::{Event, ItemCompleted, ItemDeleted};

use uuid::Uuid;

use crate::app::TestApp;

#[tokio::test]
async fn a_list_has_an_address_and_items_of_its_own() {
    let mut app = TestApp::start().await;
    app.has("buy milk").await;
    let films = "/lists/%EC%B1%85%2F%EC%98%81%ED%99%94";
    let empty = app.visit(films).await;
    assert!(empty.items().is_empty() && empty.has(">책/영화</a></h1>"));
    assert!(empty.has("data-list=\"책/영화\""));
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
    let long = format!("/lists?name={}", "x".repeat(65));
    for (asked, advice) in [
        ("/lists?name=", "A list needs a name."),
        ("/lists?name=a%00", "cannot be seen (U+0000)"),
        (&long, "up to 64 characters; this one has 65"),
    ] {
        let page = app.visit(asked).await;
        page.refuses(StatusCode::UNPROCESSABLE_ENTITY, advice);
        assert!(page.has("<form class=\"add\" action=\"/lists\">"));
    }
    let long = format!("/lists/{}", "x".repeat(65));
    for asked in [&long, "/lists/%20", "/lists/a%0Ab/all"] {
        app.visit(asked)
            .await
            .refuses(StatusCode::NOT_FOUND, "nothing at this address");
    }
}

#[tokio::test]
async fn the_lists_are_shown_with_what_is_left_in_them_and_the_default_one_first() {
    let mut app = TestApp::start().await;
    let empty = app.visit("/lists").await;
    assert!(empty.has(
        "<a href=\"/\" dir=\"auto\">Default list</a> <span class=\"part\">0 left, 0 done</span>"
    ));
    app.has_in("a <b>", "one").await;
    let done = app.has_in("가족", "two").await;
    app.submit(&format!("/items/{done}/complete"), &[]).await;
    app.has("buy milk").await;
    let page = app.visit("/lists").await;
    assert_eq!(page.status, StatusCode::OK);
    let lines: Vec<_> = page.body.split("<li><a href=").skip(1).collect();
    assert_eq!(lines.len(), 3, "{}", page.body);
    assert!(lines[0].contains("1 left, 0 done"));
    assert!(lines[1].starts_with("\"/lists/a%20%3Cb%3E\"") && lines[1].contains("a &#60;b&#62;"));
    assert!(
        lines[2].starts_with("\"/lists/%EA%B0%80%EC%A1%B1\"")
            && lines[2].contains("0 left, 1 done")
    );
    assert!(page.has("<a href=\"/lists\" aria-current=\"page\">Lists</a>"));
    for address in ["/", "/lists/shopping", "/system", "/new", "/nothing"] {
        let page = app.visit(address).await;
        assert!(page.has("<a href=\"/lists\">Lists</a>"), "{address}");
    }
}

#[tokio::test]
async fn many_lists_are_shown_page_by_page() {
    let mut app = TestApp::start().await;
    for number in 0..=100 {
        let fields = [("list", &*format!("list {number:03}")), ("item", "x")];
        app.submit("/new", &fields).await;
    }
    app.save().await;
    let first = app.visit("/lists").await;
    assert!(first.has(">list 099<") && !first.has(">list 100<"));
    let next = "/lists?after=list%20099";
    assert!(first.has(&format!("<a rel=\"next\" href=\"{next}\">")));
    let second = app.visit(next).await;
    assert!(second.has(">list 100<") && !second.has(">Default list<"));
    assert!(second.has("<a href=\"/lists\">First page</a>"));
    app.visit("/lists?after=")
        .await
        .refuses(StatusCode::BAD_REQUEST, "no such page");
}

#[tokio::test]
async fn a_list_that_cannot_be_one_takes_no_item_and_nor_does_another_in_its_place() {
    let mut app = TestApp::start().await;
    let long = "x".repeat(65);
    for (list, advice) in [
        (long.as_str(), "up to 64 characters; this one has 65"),
        ("a\nb", "cannot be seen (U+000A)"),
        ("a\0", "cannot be seen (U+0000)"),
        (" ", "A list needs a name."),
    ] {
        let key = Uuid::now_v7().to_string();
        let fields = [("key", key.as_str()), ("list", list), ("item", "buy milk")];
        let page = app.submit("/new", &fields).await;
        page.refuses(StatusCode::UNPROCESSABLE_ENTITY, advice);
        assert!(page.has("value=\"buy milk\"") && page.has("name=\"list\" type=\"text\""));
        assert_eq!(page.key(), key);
    }
    assert!(app.published().await.is_empty());
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
