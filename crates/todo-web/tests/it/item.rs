//! `GET /items/{id}`

use axum::http::StatusCode;
use events::{EventId, ItemId, StreamIdentity};
use store::{AuditEntry, AuditLog};
use time::macros::datetime;

use crate::app::TestApp;

/// Has the audit write down events about an item.
async fn audited(app: &TestApp, item: ItemId, subjects: &[&str]) {
    let stream = StreamIdentity::new("TODO", datetime!(2026-11-20 00:00 UTC));
    let event_id = EventId::from(item);
    let entries = (1..).zip(subjects).map(|(sequence, subject)| AuditEntry {
        stream: &stream,
        sequence,
        subject,
        event_id: &event_id,
        item: Some(item),
        occurred_at: datetime!(2026-11-20 12:30:05 UTC),
        stored_at: datetime!(2026-11-20 12:30:06 UTC),
        payload: b"{}",
    });
    let entries: Vec<_> = entries.collect();
    let log = AuditLog::new(app.pool.clone());
    assert_eq!(log.append(&entries).await.unwrap(), subjects.len() as u64);
}

#[tokio::test]
async fn the_page_of_an_item_has_its_list_the_time_and_a_way_to_tick_it() {
    let mut app = TestApp::start().await;
    let id = app.has_in("책/영화", "읽기").await;
    let address = format!("/items/{id}");
    let page = app.visit(&address).await;
    assert!(page.has("translate=\"no\">읽기</h2>"), "{}", page.body);
    assert!(page.has("<a href=\"/lists/%EC%B1%85%2F%EC%98%81%ED%99%94\" dir=\"auto\" translate=\"no\">책/영화</a>"));
    assert!(page.has("<time datetime=\"20") && page.has(" UTC</time> (just now)"));

    let complete = format!("{address}/complete");
    assert!(page.has(&format!("method=\"post\" action=\"{complete}\"")));
    let fields = [("list", "책/영화"), ("stay", "")];
    let answer = app.submit(&complete, &fields).await;
    assert_eq!(answer.location(), format!("{address}?changed="));
    app.save().await;
    let page = app.visit(answer.location()).await;
    assert!(page.has("Your change is accepted") && page.has("class=\"item completed\""));
    assert!(page.has(&format!("action=\"{address}/reopen\"")));
    assert!(page.has("aria-label=\"Mark as not done\""));
}

#[tokio::test]
async fn the_page_of_an_item_shows_what_happened_to_it_and_the_newest_first() {
    let mut app = TestApp::start().await;
    let id = app.has("buy milk").await;
    let subjects = [
        "events.todo.newitem",
        "events.todo.itemsaved",
        "events.todo.itemcompleted",
        "events.todo.later",
    ];
    audited(&app, id, &subjects).await;
    let page = app.visit(&format!("/items/{id}")).await;
    let (_, history) = page.body.split_once("<section class=\"history\"").unwrap();
    let events = history.split("<li>").skip(1);
    let shown: Vec<_> = events
        .map(|event| event.split_once("</code>").unwrap().0)
        .collect();
    let expected = [
        "<span>Something else</span> <code>events.todo.later",
        "<span>Done</span> <code>events.todo.itemcompleted",
        "<span>Saved</span> <code>events.todo.itemsaved",
        "<span>Added</span> <code>events.todo.newitem",
    ];
    assert_eq!(shown, expected);
    assert!(page.has("<time datetime=\"2026-11-20T12:30:05Z\" title=\"2026-11-20T12:30:05Z\">20 November 2026, 12:30:05 UTC</time>"));
    app.language = "ko";
    let page = app.visit(&format!("/items/{id}")).await;
    assert!(page.has("<span>완료함</span>") && page.has("2026년 11월 20일 12:30:05 UTC"));
}

#[tokio::test]
async fn where_no_audit_ran_the_page_says_so() {
    let mut app = TestApp::start().await;
    let (milk, bread) = (app.has("buy milk").await, app.has("buy bread").await);
    let address = format!("/items/{milk}");
    assert!(app.visit(&address).await.has("has not run"));
    audited(&app, bread, &["events.todo.newitem"]).await;
    let page = app.visit(&address).await;
    assert!(page.has("The audit has nothing about this item yet."));
}

#[tokio::test]
async fn an_item_whose_history_cannot_be_read_is_shown_without_it() {
    let mut app = TestApp::start().await;
    let id = app.has("buy milk").await;
    app.sql("drop view audit.item_history").await;
    let page = app.visit(&format!("/items/{id}")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.has("value=\"buy milk\"") && page.has("The history cannot be shown right now."));
}
