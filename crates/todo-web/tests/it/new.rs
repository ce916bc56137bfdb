//! `GET /new` and `POST /new`

use axum::http::StatusCode;
use events::{Event, NewItem};
use uuid::Uuid;

use crate::app::TestApp;

#[tokio::test]
async fn a_typed_item_is_published_under_the_key_of_its_form() {
    let mut app = TestApp::start().await;
    let form = app.visit("/new").await;
    assert_eq!(form.status, StatusCode::OK);
    let key = form.key();
    let answer = app
        .submit("/new", &[("key", &key), ("item", "  우유 사기 🥛 ")])
        .await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(answer.location(), format!("/?accepted={key}"));

    let published = app.published().await;
    let [event] = &published[..] else {
        panic!("one event: {published:?}")
    };
    assert_eq!(event.subject(), NewItem::SUBJECT);
    assert_eq!(event.header("Nats-Msg-Id"), Some(key.as_str()));
    assert_eq!(event.header("ce-id"), Some(key.as_str()));
    assert_eq!(event.header("ce-source"), Some("/todo-web"));
    assert_eq!(
        event.header("ce-correlationid"),
        Some(answer.header("x-request-id"))
    );
    let body: NewItem = serde_json::from_slice(event.payload()).unwrap();
    assert_eq!(body.id.unwrap().to_string(), key);
    assert_eq!(body.item.as_str(), "우유 사기 🥛");
    assert!(body.added_at.is_some());
}

#[tokio::test]
async fn each_form_has_a_key_of_its_own() {
    let app = TestApp::start().await;
    let keys = [
        app.visit("/").await.key(),
        app.visit("/new").await.key(),
        app.visit("/new").await.key(),
    ];
    assert!(keys[0] != keys[1] && keys[1] != keys[2]);
    for key in keys {
        assert_eq!(key.parse::<Uuid>().unwrap().get_version_num(), 7);
    }
}

#[tokio::test]
async fn a_form_that_is_sent_twice_makes_one_item() {
    let mut app = TestApp::start().await;
    let key = app.visit("/").await.key();
    for _ in 0..2 {
        let answer = app
            .submit("/new", &[("key", &key), ("item", "buy milk")])
            .await;
        assert_eq!(answer.accepted().to_string(), key);
    }
    app.save().await;
    assert_eq!(app.visit("/").await.items(), ["buy milk"]);
}

/// A double click, and the browser's button to go back, which shows the page as it was.
#[tokio::test]
async fn a_page_makes_one_item_of_each_text_however_often_it_is_sent_or_gone_back_to() {
    let mut app = TestApp::start().await;
    let page = app.visit("/").await;
    let send = async |text: &str| {
        let mut fields = page.hidden();
        fields.push(("item", text));
        app.submit("/new", &fields).await.accepted()
    };
    let milk = send("buy milk").await;
    assert_eq!(send("buy milk").await, milk);
    let bread = send("buy bread").await;
    assert_eq!(send(" buy milk ").await, milk);
    assert_ne!(bread, milk);
    app.save().await;
    assert_eq!(app.visit("/").await.items(), ["buy milk", "buy bread"]);
}

#[tokio::test]
async fn a_form_without_a_key_makes_an_item_too() {
    let mut app = TestApp::start().await;
    let answer = app.submit("/new", &[("item", "buy milk")]).await;
    let id = answer.accepted().to_string();
    let published = app.published().await;
    assert_eq!(published[0].header("ce-id"), Some(id.as_str()));
}

#[tokio::test]
async fn a_text_of_256_characters_of_any_size_is_accepted() {
    let app = TestApp::start().await;
    app.add(&"🥛".repeat(256)).await.accepted();
}

#[tokio::test]
async fn a_bad_text_is_refused_with_what_to_change_and_kept_in_the_form() {
    let mut app = TestApp::start().await;
    let long = "가".repeat(257);
    let cases = [
        ("", "There is no text yet", "비어 있어요"),
        (" \u{3000}\t ", "There is no text yet", "비어 있어요"),
        (
            &long,
            "257 characters, 1 more than the 256",
            "257자를 입력했어요. 1자를 줄여",
        ),
        ("a\nb", "(U+000A)", "(U+000A)"),
        ("a\u{0}b", "(U+0000)", "(U+0000)"),
        ("a\u{85}b", "(U+0085)", "(U+0085)"),
    ];
    for (text, english, korean) in cases {
        for (language, advice) in [("en", english), ("ko", korean)] {
            app.language = language;
            let key = app.visit("/new").await.key();
            let page = app.submit("/new", &[("key", &key), ("item", text)]).await;
            page.refuses(StatusCode::UNPROCESSABLE_ENTITY, advice);
            assert!(page.has(&format!("<html lang=\"{language}\">")));
            assert!(
                page.has(&format!("type=\"text\" value=\"{text}\"")),
                "{}",
                page.body
            );
            assert!(page.has("aria-invalid=\"true\"") && page.has("role=\"alert\""));
            assert_eq!(page.key(), key, "the same form may be sent again");
        }
    }
    assert!(app.published().await.is_empty());
}

#[tokio::test]
async fn a_refused_text_is_shown_as_text() {
    let app = TestApp::start().await;
    let text = format!("\"><script>alert(1)</script>{}", "x".repeat(256));
    let page = app.add(&text).await;
    page.refuses(
        StatusCode::UNPROCESSABLE_ENTITY,
        "&#34;&#62;&#60;script&#62;",
    );
    assert!(!page.has("<script>"));
}

#[tokio::test]
async fn a_bad_key_is_replaced_and_the_text_kept() {
    let mut app = TestApp::start().await;
    for key in ["", "x", "0192-", "<script>"] {
        let page = app
            .submit("/new", &[("key", key), ("item", "buy milk")])
            .await;
        page.refuses(StatusCode::BAD_REQUEST, "please send it again");
        assert!(page.has("value=\"buy milk\"") && !page.has("<script>"));
        assert_eq!(page.key().parse::<Uuid>().unwrap().get_version_num(), 7);
    }
    assert!(app.published().await.is_empty());
}
