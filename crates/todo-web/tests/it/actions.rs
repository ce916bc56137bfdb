//! `POST /items/{id}/…`

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use events::{Event, ItemCompleted, ItemDeleted, ItemId, ItemRenamed, ItemReopened};
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
    assert_eq!(page.items(), ["<s>buy milk</s>"]);
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

    app.submit(&format!("/items/{id}/delete"), &[]).await;
    app.save().await;
    assert!(app.visit("/").await.items().is_empty());
    let answer = app.submit(&rename, &[("item", "x")]).await;
    answer.refuses(StatusCode::NOT_FOUND, "There is no such item");
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
        ("delete", ItemDeleted::SUBJECT),
        ("delete", ItemDeleted::SUBJECT),
    ] {
        let answer = app
            .submit(&format!("/items/{id}/{verb}"), &[("item", "x")])
            .await;
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
    assert_eq!(ids.len(), 5);
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
        for verb in ["complete", "reopen", "rename", "delete"] {
            let page = app
                .submit(&format!("/items/{id}/{verb}"), &[("item", "x")])
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
