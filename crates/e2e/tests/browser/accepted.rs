//! Delivery of changes: a change waits in the browser until the server itself has accepted it, or has
//! said why it never will; responses of other programs do not count.

use testkit::eventually;

use crate::{
    portal::{Canned, Portal},
    stage::{SOON, Stage},
};

const ITEMS: &str = ".todo-list li";
const KEPT: &str = "Object.keys(localStorage).filter((name) => name.startsWith('todo ')).length";
const WAITING: &str = "document.querySelectorAll('.waiting').length";
const MOVING: &str = "document.querySelectorAll('.saving, .waiting').length";
const REFUSED: &str = ".refused li span";
const FOREIGN: &str = "!document.querySelector('.foreign').hidden";

/// Responses of programs other than the server, and whether the page treats them as lasting until the
/// user signs in.
const CANNED: [(Canned, bool); 9] = [
    ("302 Found\nLocation: http://127.0.0.1:9/login", true),
    ("303 See Other\nLocation: /?accepted=all", true),
    (
        "200 OK\nContent-Type: text/html\n\n<!doctype html><title>Sign in</title>",
        true,
    ),
    (
        "200 OK\nContent-Type: application/json\n\n{\"answer\": \"accepted\"}",
        true,
    ),
    ("401 Unauthorized\n\nSign in", true),
    ("403 Forbidden\n\n{\"answer\": \"refused\"}", true),
    (
        "404 Not Found\nContent-Type: text/plain\n\n404 page not found",
        true,
    ),
    ("413 Payload Too Large", true),
    ("502 Bad Gateway\n\n<html>bad gateway</html>", false),
];

#[tokio::test]
async fn whatever_answers_in_place_of_the_server_what_was_typed_waits_and_is_saved_in_the_end() {
    let stage = Stage::start(&[]).await;
    let portal = Portal::start(&stage.web()).await;
    let mut browser = stage.browser((1280, 900)).await;
    browser.home.clone_from(&portal.home);
    browser.visit("/lists/portal").await;
    browser.enters("before").await;
    browser.becomes(MOVING, 0).await;
    let mut items = vec!["before".to_owned()];
    for (number, (canned, lasts)) in CANNED.into_iter().enumerate() {
        portal.answers(Some(canned));
        items.push(format!("item {number}"));
        browser.click(".new-todo").await;
        browser.enters(&items[number + 1]).await;
        let what = format!("{canned:?} was the answer to what waits");
        eventually(&what, SOON, async || portal.changes() > 0).await;
        browser.becomes(FOREIGN, lasts).await;
        browser.becomes(KEPT, number + 1).await;
        browser.becomes(WAITING, number + 1).await;
        let items: Vec<_> = items.iter().map(String::as_str).collect();
        browser.shows(ITEMS, &items).await;
        browser.shows(REFUSED, &[]).await;
    }
    portal.answers(None);
    let items: Vec<_> = items.iter().map(String::as_str).collect();
    browser.becomes(MOVING, 0).await;
    browser.becomes(KEPT, 0).await;
    browser.becomes(FOREIGN, false).await;
    browser.visit("/lists/portal").await;
    browser.shows(ITEMS, &items).await;
    browser.close().await;
}

#[tokio::test]
async fn one_change_that_something_on_the_way_never_lets_through_does_not_hold_up_the_others() {
    let stage = Stage::start(&[]).await;
    let browser = stage.browser((1280, 900)).await;
    browser.visit("/lists/strict").await;
    let strict = "original = fetch, fetch = async (address, change) => \
        /drop.table/.test(change?.body) ? new Response('', { status: 403 }) : original(address, change), 0";
    browser.value(strict).await;
    for item in ["drop table", "also: drop table", "one", "two", "three"] {
        browser.enters(item).await;
    }
    browser.becomes(KEPT, 2).await;
    browser
        .shows(
            &format!("{ITEMS}.waiting"),
            &["drop table", "also: drop table"],
        )
        .await;
    browser.value("fetch = original, 0").await;
    browser.becomes(MOVING, 0).await;
    browser.becomes(KEPT, 0).await;
    browser.close().await;
}

#[tokio::test]
async fn an_item_that_fails_again_and_again_holds_up_what_is_done_to_it_and_nothing_else() {
    let stage = Stage::start(&[]).await;
    let browser = stage.browser((1280, 900)).await;
    browser.visit("/lists/held").await;
    let poison = "original = fetch, fetch = async (address, change) => \
        /poison/.test(change?.body) ? new Response('', { status: 500 }) : original(address, change), 0";
    browser.value(poison).await;
    browser.enters("poison").await;
    browser.shows(ITEMS, &["poison"]).await;
    browser.click(".todo-list li:first-child .toggle").await;
    browser.click(".new-todo").await;
    for item in ["one", "two"] {
        browser.enters(item).await;
    }
    browser.becomes(KEPT, 2).await;
    // The others are saved, and an item that is not saved yet stands behind them.
    browser.shows(ITEMS, &["one", "two", "poison"]).await;
    browser.becomes(MOVING, 1).await;
    browser
        .shows(&format!("{ITEMS}.waiting"), &["poison"])
        .await;
    browser.value("fetch = original, 0").await;
    browser.becomes(MOVING, 0).await;
    browser.becomes(KEPT, 0).await;
    browser.visit("/lists/held").await;
    browser.shows(".completed", &["poison"]).await;
    browser.close().await;
}

#[tokio::test]
async fn what_the_server_refuses_is_shown_with_all_of_its_texts_until_it_is_dismissed() {
    let stage = Stage::start(&[]).await;
    let browser = stage.browser((1280, 900)).await;
    browser.visit("/lists/refused").await;
    for item in ["one", "two", "three"] {
        browser.enters(item).await;
    }
    browser.becomes(MOVING, 0).await;
    for (item, text, next) in [("one", " more", "two"), ("two", " too", "three")] {
        let behind = format!("update items set deleted = true where item = '{item}'");
        stage.system.sql(&behind).await.unwrap();
        browser
            .double_click(".todo-list li:first-child label")
            .await;
        browser.enters(text).await;
        // The page then fetches a fresh state, and goes on to the next change.
        let first = "document.querySelector('.todo-list li').textContent";
        browser.becomes(first, next).await;
    }
    browser.shows(REFUSED, &["one more", "two too"]).await;
    browser.shows(ITEMS, &["three"]).await;
    browser.becomes(KEPT, 0).await;
    browser.visit("/lists/refused").await;
    browser.shows(REFUSED, &["one more", "two too"]).await;
    let said = browser.texts(".refused li").await;
    assert!(said[0].ends_with("There is no such item"), "{said:?}");
    // The rejected changes of another list are shown there.
    browser.visit("/lists/other").await;
    browser.shows(REFUSED, &[]).await;
    browser.visit("/lists/refused").await;
    browser.click(".refused button").await;
    browser.shows(REFUSED, &[]).await;
    browser.visit("/lists/refused").await;
    browser.shows(REFUSED, &[]).await;
    browser
        .becomes("document.querySelector('.refused').hidden", true)
        .await;
    browser.close().await;
}

#[tokio::test]
async fn what_is_accepted_and_not_saved_yet_is_shown_after_a_reload() {
    let mut stage = Stage::start(&[]).await;
    let browser = stage.browser((1280, 900)).await;
    browser.visit("/lists/reload").await;
    browser.enters("saved").await;
    browser.becomes(MOVING, 0).await;
    stage.system.stop_member("save-handler-1").await.unwrap();
    browser.enters("accepted").await;
    browser.click(".todo-list li:first-child .toggle").await;
    let accepted =
        "Object.values(localStorage).filter((change) => JSON.parse(change).accepted).length";
    browser.becomes(accepted, 2).await;
    browser.visit("/lists/reload").await;
    browser.shows(ITEMS, &["saved", "accepted"]).await;
    browser.shows(".completed", &["saved"]).await;
    browser.shows(".saving", &["saved", "accepted"]).await;
    stage.system.restart_member("save-handler-1").await.unwrap();
    browser.becomes(MOVING, 0).await;
    browser.becomes(KEPT, 0).await;
    browser.shows(ITEMS, &["saved", "accepted"]).await;
    browser.shows(".completed", &["saved"]).await;
    browser.close().await;
}
