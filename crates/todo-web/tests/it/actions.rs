//! `POST /items/{id}/…`

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use events::{
    Event, ItemCompleted, ItemDeleted, ItemId, ItemMoved, ItemRenamed, ItemReopened, ItemRestored,
};
use uuid::Uuid;

use crate::app::TestApp;

#[tokio::test]
async fn an_item_can_be_completed_and_reopened() {
    let mut app = TestApp::start().await;
    let id = app.has("buy milk").await;
    let page = app.visit("/").await;
    assert!(page.has(&format!("action=\"/items/{id}/complete\"")));

    let answer = app.submit(&format!("/items/{id}/complete"), &[]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(answer.location(), format!("/?changed={id}"));
    app.save().await;
    let page = app.visit(answer.location()).await;
    assert_eq!(page.items(), ["[buy milk]"]);
    assert!(page.has(&format!("action=\"/items/{id}/reopen\"")));

    app.submit(&format!("/items/{id}/reopen"), &[]).await;
    app.save().await;
    assert_eq!(app.visit("/").await.items(), ["buy milk"]);
}

#[tokio::test]
async fn an_item_can_be_renamed_and_deleted() {
    let mut app = TestApp::start().await;
    let id = app.has("buy milk").await;
    let rename = format!("/items/{id}/rename");
    let answer = app.submit(&rename, &[("item", " buy oat milk ")]).await;
    assert_eq!(answer.location(), format!("/?changed={id}"));
    app.save().await;
    assert_eq!(app.visit("/").await.items(), ["buy oat milk"]);

    let answer = app.submit(&format!("/items/{id}/delete"), &[]).await;
    assert_eq!(answer.location(), format!("/?deleted={id}"));
    app.save().await;
    let page = app.visit(answer.location()).await;
    let named = "Deleted. <b dir=\"auto\" translate=\"no\">buy oat milk</b>";
    assert!(page.items().is_empty() && page.has(named), "{}", page.body);
    let answer = app.submit(&rename, &[("item", "x")]).await;
    answer.refuses(StatusCode::NOT_FOUND, "There is no such item");

    let restore = format!("/items/{id}/restore");
    assert!(page.has(&format!("action=\"{restore}\"")));
    let answer = app.submit(&restore, &[]).await;
    assert_eq!(answer.location(), format!("/?changed={id}"));
    app.save().await;
    assert_eq!(app.visit("/").await.items(), ["buy oat milk"]);
}

#[tokio::test]
async fn each_change_is_an_event_of_its_own_about_the_item() {
    let mut app = TestApp::start().await;
    let id = app.has("buy milk").await;
    let mut ids = Vec::new();
    for (verb, subject) in [
        ("complete", ItemCompleted::SUBJECT),
        ("reopen", ItemReopened::SUBJECT),
        ("rename", ItemRenamed::SUBJECT),
        ("move", ItemMoved::SUBJECT),
        ("delete", ItemDeleted::SUBJECT),
        ("delete", ItemDeleted::SUBJECT),
        ("restore", ItemRestored::SUBJECT),
    ] {
        let fields = [("item", "x"), ("order", "1.5")];
        let answer = app.submit(&format!("/items/{id}/{verb}"), &fields).await;
        let published = app.published().await;
        let [event] = &published[..] else {
            panic!("one event: {published:?}")
        };
        assert_eq!(event.subject(), subject);
        let body: serde_json::Value = serde_json::from_slice(event.payload()).unwrap();
        assert_eq!(body["id"], id.to_string());
        assert_eq!(
            event.header("ce-correlationid"),
            Some(answer.header("x-request-id"))
        );
        ids.push(event.header("Nats-Msg-Id").unwrap().to_owned());
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 7);
}

#[tokio::test]
async fn a_change_with_a_key_is_an_event_under_that_key() {
    let mut app = TestApp::start().await;
    let id = app.has("buy milk").await;
    let key = Uuid::now_v7().to_string();
    let complete = format!("/items/{id}/complete");
    app.submit(&complete, &[("key", &key)]).await;
    assert_eq!(app.published().await[0].header("ce-id"), Some(key.as_str()));
    let answer = app.submit(&complete, &[("key", "x")]).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn who_added_an_item_may_change_it_before_it_is_saved() {
    let mut app = TestApp::start().await;
    let id = app.add("buy milk").await.accepted();
    let complete = format!("/items/{id}/complete");
    let answer = app.submit(&complete, &[]).await;
    answer.refuses(StatusCode::NOT_FOUND, "it is not saved yet");
    let answer = app.submit(&complete, &[("unsaved", "")]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    app.save().await;
    assert_eq!(app.visit("/").await.items(), ["[buy milk]"]);
}

#[tokio::test]
async fn an_item_is_moved_by_the_buttons_of_its_row() {
    let mut app = TestApp::start().await;
    for item in ["one", "two", "three"] {
        app.has(item).await;
    }
    for (row, button, expected) in [
        (2, "up", ["one", "three", "two"]),
        (1, "up", ["three", "one", "two"]),
        (0, "down", ["one", "three", "two"]),
        (1, "down", ["one", "two", "three"]),
    ] {
        let page = app.visit("/").await;
        let row = page.body.split("<li id=\"item-").nth(row + 1).unwrap();
        let (_, button) = row
            .split_once(&format!("<button class=\"{button}\""))
            .unwrap();
        let attribute = |name: &str| {
            let (_, value) = button.split_once(&format!("{name}=\"")).unwrap();
            value.split('"').next().unwrap()
        };
        let fields = [(attribute("name"), attribute("value"))];
        app.submit(attribute("formaction"), &fields).await;
        app.save().await;
        assert_eq!(app.visit("/").await.items(), expected);
    }
    let id = app.has("four").await;
    for order in ["", "x", "NaN", "inf"] {
        let answer = app
            .submit(&format!("/items/{id}/move"), &[("order", order)])
            .await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{order}");
    }
}

#[tokio::test]
async fn an_item_that_does_not_exist_is_not_found_and_nothing_is_published() {
    let mut app = TestApp::start().await;
    let unknown: ItemId = Uuid::now_v7().into();
    for id in [
        unknown.to_string(),
        "1".to_owned(),
        "%3Cscript%3E".to_owned(),
    ] {
        for verb in ["complete", "reopen", "rename", "move", "delete"] {
            let page = app
                .submit(
                    &format!("/items/{id}/{verb}"),
                    &[("item", "x"), ("order", "1")],
                )
                .await;
            page.refuses(StatusCode::NOT_FOUND, "There is no such item");
            assert!(!page.has("<script>"));
        }
    }
    assert!(app.published().await.is_empty());
}

#[tokio::test]
async fn a_bad_new_text_is_refused_with_what_to_change_and_kept_in_the_form() {
    let mut app = TestApp::start().await;
    let id = app.has("buy milk").await;
    let long = "x".repeat(300);
    for (text, advice) in [
        ("", "There is no text yet"),
        (&long, "44 more than the 256"),
        ("a\u{0}", "(U+0000)"),
        ("\"><script>\n</script>", "(U+000A)"),
    ] {
        let fields = [("item", text), ("page", "")];
        let page = app.submit(&format!("/items/{id}/rename"), &fields).await;
        page.refuses(StatusCode::UNPROCESSABLE_ENTITY, advice);
        assert!(page.has(&format!("action=\"/items/{id}/rename\"")));
        assert!(page.has("name=\"page\" value=\"\"") && !page.has("<script>"));
    }
    assert!(app.published().await.is_empty());
}

#[tokio::test]
async fn a_change_needs_no_fields() {
    let mut app = TestApp::start().await;
    let id = app.has("buy milk").await;
    let request = Request::post(format!("/items/{id}/complete"));
    let answer = app.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(app.published().await.len(), 1);
}
