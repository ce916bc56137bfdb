//! `GET /list`

use axum::http::StatusCode;

use crate::app::{Answer, TestApp};

fn next(page: &Answer) -> Option<String> {
    let (_, link) = page.body.split_once("<a rel=\"next\" href=\"")?;
    Some(link.split_once('"')?.0.to_owned())
}

#[tokio::test]
async fn the_whole_list_is_shown_page_by_page() {
    let mut app = TestApp::start().await;
    for number in 1..=201 {
        app.add(&format!("item {number}")).await;
    }
    app.save().await;

    let mut path = Some("/list".to_owned());
    let mut seen = Vec::new();
    let mut pages = Vec::new();
    while let Some(here) = path {
        let page = app.visit(&here).await;
        assert_eq!(page.status, StatusCode::OK);
        seen.extend(page.items());
        pages.push(page.items().len());
        path = next(&page);
    }
    assert_eq!(pages, [100, 100, 1]);
    let all: Vec<_> = (1..=201).map(|number| format!("item {number}")).collect();
    assert_eq!(seen, all);
}

#[tokio::test]
async fn a_change_leads_back_to_the_page_that_it_was_made_on() {
    let mut app = TestApp::start().await;
    for number in 1..=101 {
        app.add(&format!("item {number}")).await;
    }
    app.save().await;
    let first = app.visit("/list").await;
    assert!(first.has("<input type=\"hidden\" name=\"page\" value=\"\">"));
    let second = next(&first).unwrap();
    let (_, cursor) = second.split_once("after=").unwrap();
    let last = app.visit(&second).await;
    assert!(last.has(&format!("name=\"page\" value=\"{cursor}\"")));

    let (_, id) = last.body.split_once("id=\"item-").unwrap();
    let id = id.split_once('"').unwrap().0;
    let complete = format!("/items/{id}/complete");
    let answer = app.submit(&complete, &[("page", cursor)]).await;
    assert_eq!(answer.location(), format!("{second}&changed={id}"));
    app.save().await;
    let page = app.visit(answer.location()).await;
    assert_eq!(page.items(), ["[item 101]"]);
    assert!(page.has("Your change is accepted") && page.has("completed fresh"));

    let answer = app.submit(&complete, &[("page", "")]).await;
    assert_eq!(answer.location(), format!("/list?changed={id}"));
    let answer = app.submit(&complete, &[("page", "//evil.example/")]).await;
    assert_eq!(answer.location(), format!("/?changed={id}"));
}

#[tokio::test]
async fn a_page_after_no_place_in_the_list_is_refused() {
    let app = TestApp::start().await;
    for path in [
        "/list?after=",
        "/list?after=x",
        "/list?after=%00%F0",
        "/list?after=a&after=b",
    ] {
        let page = app.visit(path).await;
        page.refuses(StatusCode::BAD_REQUEST, "href=\"/\"");
    }
    app.visit("/list?after=x")
        .await
        .refuses(StatusCode::BAD_REQUEST, "There is no such page of the list");
}
