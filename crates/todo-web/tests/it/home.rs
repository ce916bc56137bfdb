//! `GET /`

use axum::http::StatusCode;
use bus::Delivery;
use events::TodoEvent;
use tokio_util::sync::CancellationToken;

use crate::app::{Answer, TestApp};

#[tokio::test]
async fn an_empty_list_invites_to_add_an_item() {
    let app = TestApp::start().await;
    let page = app.visit("/").await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(page.has("<p class=\"empty\">Nothing to do yet"));
    assert!(
        page.has("<section class=\"main\" data-testid=\"main\" aria-labelledby=\"list\" hidden>")
    );
    assert!(page.has("<footer class=\"footer\" data-testid=\"footer\" hidden>"));
    assert!(page.has(" autofocus>"));
    assert!(page.has("<form class=\"add\" method=\"post\" action=\"/new\""));
}

#[tokio::test]
async fn items_are_listed_with_the_newest_last_and_counted() {
    let mut app = TestApp::start().await;
    app.has("buy milk").await;
    let second = app.has("홍보 비디오 촬영").await;
    app.submit(&format!("/items/{second}/complete"), &[]).await;
    app.save().await;

    let page = app.visit("/").await;
    assert_eq!(page.items(), ["buy milk", "[홍보 비디오 촬영]"]);
    assert!(page.has("<strong>1</strong> item left"));
    assert!(page.has("data-total=\"2\" data-done=\"1\""));
    assert!(
        !page.has("data-part"),
        "there is no more than what is shown"
    );
    let item = app.visit(&format!("/items/{second}")).await;
    assert!(item.has("value=\"홍보 비디오 촬영\"") && item.has("(just now)"));
}

#[tokio::test]
async fn what_users_typed_is_shown_as_text_wherever_it_appears() {
    let mut app = TestApp::start().await;
    app.has("<script>alert('1')</script> & \"x\"").await;
    let page = app.visit("/").await;
    assert!(!page.has("<script>"), "{}", page.body);
    assert!(!page.has("& \"x\""), "{}", page.body);
    assert_eq!(
        page.body
            .matches("&#60;script&#62;alert(&#39;1&#39;)")
            .count(),
        2,
        "it is in the row and in the row's field"
    );
}

#[tokio::test]
async fn an_accepted_item_that_is_not_saved_yet_is_announced() {
    let mut app = TestApp::start().await;
    let answer = app.add("buy milk").await;
    let page = app.visit(answer.location()).await;
    assert!(page.has("role=\"status\""));
    assert!(page.has("Accepted. It will appear in the list when it is saved."));
    assert!(page.items().is_empty());

    app.save().await;
    let page = app.visit(answer.location()).await;
    assert!(page.has("Added to the list."));
    assert!(page.has(&format!("<a href=\"#item-{}\">", answer.accepted())));
    assert!(page.has("class=\" fresh\""));
}

#[tokio::test]
async fn an_accepted_that_is_no_identifier_is_passed_over() {
    let app = TestApp::start().await;
    let page = app.visit("/?accepted=%3Cscript%3E").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(!page.has("class=\"notice\"") && !page.has("<script>"));
}

#[tokio::test]
async fn a_long_list_shows_its_end_and_leads_to_the_rest() {
    let mut app = TestApp::start().await;
    for number in 1..=101 {
        app.add(&format!("item {number}")).await;
    }
    app.save().await;
    let page = app.visit("/").await;
    assert_eq!(page.items().len(), 100);
    assert_eq!(page.items()[0], "item 2");
    assert_eq!(page.items()[99], "item 101");
    assert!(page.has("<strong>101</strong> items left") && page.has("<a href=\"/list\">"));
    assert!(page.has(" data-part"));
}

#[tokio::test]
async fn a_part_of_a_long_list_is_said_to_be_one_even_if_all_that_is_to_be_shown_is_there() {
    let mut app = TestApp::start().await;
    let first = app.add("item 1").await.accepted();
    for number in 2..=101 {
        app.add(&format!("item {number}")).await;
    }
    app.save().await;
    app.submit(&format!("/items/{first}/complete"), &[]).await;
    app.save().await;
    let page = app.visit("/?show=completed").await;
    assert_eq!(page.items(), ["[item 1]"]);
    assert!(page.has(" data-part"));
    assert!(!page.has("class=\"part\""), "there are no older ones");
}

#[tokio::test]
async fn a_page_speaks_the_language_that_the_browser_asks_for() {
    let mut app = TestApp::start().await;
    let english = app.visit("/").await;
    assert!(english.has("<html lang=\"en\">"));
    app.language = "ko-KR,ko;q=0.9,en;q=0.8";
    let korean = app.visit("/").await;
    assert!(korean.has("<html lang=\"ko\">"));
    assert!(korean.has("아직 할 일이 없어요") && korean.has("<strong>0</strong>개 남았어요"));
    for page in [english, korean] {
        assert!(page.varies_by("accept-language"));
    }
}

#[tokio::test]
async fn a_page_lets_a_browser_do_nothing_but_show_it_and_send_its_forms() {
    let app = TestApp::start().await;
    let page = app.visit("/").await;
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"));
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    assert_eq!(page.header("referrer-policy"), "same-origin");
    assert_eq!(page.header("cache-control"), "no-store");
    assert!(!page.has("data-away"));
    assert!(
        !page.has("style=") && !page.has("<style") && page.body.matches("<script").count() == 1
    );
}

#[tokio::test]
async fn what_is_accepted_and_not_saved_yet_is_told_after_a_reload() {
    let mut app = TestApp::start().await;
    let empty = app.visit("/").await;
    assert!(empty.has("<div class=\"notes\">") && !empty.has("class=\"unsaved\""));
    for item in ["buy milk", "buy bread"] {
        app.add(item).await;
    }
    let told = |page: &Answer| {
        page.has("<div class=\"notes behind\">") && page.has("2 accepted, not saved yet.")
    };
    app.sees("what is not saved", told).await;
    app.language = "ko";
    app.sees("what is not saved", |page| {
        page.has("접수된 변경 2개가 아직 저장되지 않았어요.")
    })
    .await;
    app.broker.cut().await;
    app.sees("nothing of it while nobody knows", |page| {
        !page.has("behind")
    })
    .await;
}

#[tokio::test]
async fn what_is_saved_is_not_told_to_be_unsaved() {
    let app = TestApp::start().await;
    let savers = app.member("save-handler", "save-handler-1").await;
    app.add("buy milk").await;
    app.sees("what is not saved", |page| {
        page.has("1 accepted, not saved yet.")
    })
    .await;
    let handle = async |_: &Delivery<TodoEvent>| Ok(());
    let group = savers.group("save-handler", events::ALL_SUBJECTS);
    tokio::select! {
        ended = group.each(CancellationToken::new(), handle) => panic!("{ended:?}"),
        () = app.sees("all is saved", |page| !page.has("behind")) => {}
    }
}

#[tokio::test]
async fn what_is_typed_is_counted_by_the_server_alone() {
    let app = TestApp::start().await;
    for page in ["/", "/lists", "/new"] {
        // An attribute would count in units of UTF-16.
        assert!(!app.visit(page).await.has("maxlength"), "{page}");
    }
}
