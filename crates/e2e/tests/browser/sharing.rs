//! Several browsers on one list, also with changes while they are disconnected.

use std::time::Duration;

use fantoccini::key::Key;
use serde_json::json;

use crate::{browser::Browser, stage::Stage};

const ITEMS: &str = ".todo-list li";
const OFFLINE: &str = "!document.querySelector('.offline').hidden";

impl Browser {
    async fn counts(&self, selector: &str, count: usize) {
        let expression = format!("document.querySelectorAll({selector:?}).length");
        self.becomes(&expression, count).await;
    }
}

fn nth(row: usize, selector: &str) -> String {
    format!("{ITEMS}:nth-child({row}) {selector}")
}

/// Checks that each browser shows the changes of the other, in this list and in no other.
async fn follow(here: &Browser, there: &Browser) {
    tokio::join!(here.visit("/lists/shared"), there.visit("/lists/shared"));
    here.enters("buy milk").await;
    there.shows(ITEMS, &["buy milk"]).await;
    // Text that is being typed stays.
    there.types("water the ").await;
    here.enters("pay the rent").await;
    here.click(&nth(1, ".toggle")).await;
    there.shows(".completed", &["buy milk"]).await;
    there.enters("plants").await;
    for browser in [here, there] {
        browser
            .shows(ITEMS, &["buy milk", "pay the rent", "water the plants"])
            .await;
        browser.counts(".saving", 0).await;
    }
    there.visit("/").await;
    there.shows(ITEMS, &[]).await;
    there.visit("/lists/shared").await;
}

/// Checks that a deletion can be undone in the browser that made it.
async fn undo(here: &Browser, there: &Browser) {
    here.click(&nth(2, ".destroy")).await;
    there.shows(ITEMS, &["buy milk", "water the plants"]).await;
    here.becomes("document.querySelector('.undo').hidden", false)
        .await;
    here.picture("undo-wide-light").await;
    here.click(".undo button").await;
    here.becomes("document.querySelector('.undo').hidden", true)
        .await;
    let items = ["buy milk", "pay the rent", "water the plants"];
    for browser in [here, there] {
        browser.shows(ITEMS, &items).await;
        browser.counts(".saving", 0).await;
    }
}

/// Moves items by an arrow, by a key and by the mouse.
async fn reorder(here: &Browser, there: &Browser) {
    here.click(&nth(3, ".up")).await;
    let items = ["buy milk", "water the plants", "pay the rent"];
    here.shows(ITEMS, &items).await;
    there.shows(ITEMS, &items).await;
    // The pressed button keeps the focus and moves with its item.
    here.becomes(
        "document.activeElement.closest('li').textContent",
        "water the plants",
    )
    .await;
    here.presses(Key::Up).await;
    let items = ["water the plants", "buy milk", "pay the rent"];
    here.shows(ITEMS, &items).await;
    there.shows(ITEMS, &items).await;

    let (from, to) = (
        here.middle(&nth(1, ".down")).await,
        here.middle(&nth(3, ".down")).await,
    );
    here.mouse("mouseMoved", from, 0).await;
    here.mouse("mousePressed", from, 1).await;
    for part in [0.3, 0.6, 1.0] {
        let place = (from.0, from.1 + (to.1 - from.1) * part);
        here.mouse("mouseMoved", place, 1).await;
    }
    here.counts(".dragging", 1).await;
    here.mouse("mouseReleased", to, 1).await;
    let items = ["buy milk", "pay the rent", "water the plants"];
    here.shows(ITEMS, &items).await;
    there.shows(ITEMS, &items).await;
    here.counts(".saving", 0).await;
    here.shows(ITEMS, &items).await;
}

/// Checks that changes without a connection are kept, shown, and made once when it is back.
async fn disconnect(stage: &Stage, here: &Browser, there: &Browser) {
    stage.link.cut().await;
    there.becomes(OFFLINE, true).await;
    there.click(".new-todo").await;
    there.enters("made offline").await;
    there.counts(".waiting", 1).await;
    there.click(&nth(4, ".toggle")).await;
    there.click(&nth(2, ".destroy")).await;
    there
        .shows(ITEMS, &["buy milk", "water the plants", "made offline"])
        .await;
    there.picture("offline-phone-light").await;
    here.click(&nth(3, ".toggle")).await;
    here.click(".new-todo").await;
    here.enters("made online").await;
    stage.link.restore().await;
    // The order of a new item is the time at which the broker stored it.
    let items = [
        "buy milk",
        "water the plants",
        "made online",
        "made offline",
    ];
    let done = ["buy milk", "water the plants", "made offline"];
    for browser in [here, there] {
        browser.shows(ITEMS, &items).await;
        browser.shows(".completed", &done).await;
        browser.counts(".saving, .waiting", 0).await;
        browser.becomes(OFFLINE, false).await;
    }
    there.becomes("Object.keys(localStorage).length", 0).await;
    here.visit("/lists/shared").await;
    here.shows(ITEMS, &items).await;
}

/// Checks that items that are typed faster than they are sent are always shown in the order in which
/// they were typed.
async fn hurry(stage: &Stage, there: &Browser) {
    there.visit("/lists/hurry").await;
    let watch = "orders = [], new MutationObserver(() => \
        orders.push(Array.from(document.querySelectorAll('.todo-list label'), (row) => row.textContent).join())\
        ).observe(document.querySelector('.todo-list'), { childList: true })";
    there.value(watch).await;
    // With this delay none is stored before all are typed.
    stage.link.delay(Duration::from_secs(1));
    for item in ["one", "two", "three"] {
        there.enters(item).await;
    }
    there.shows(ITEMS, &["one", "two", "three"]).await;
    there.counts(".saving", 0).await;
    stage.link.delay(Duration::ZERO);
    let orders = there.value("orders").await;
    assert_eq!(orders, json!(["one", "one,two", "one,two,three"]));
}

/// Checks that a browser retries after a proxy's rate limit (429).
async fn come_too_often(here: &Browser) {
    here.visit("/lists/busy").await;
    let once = "original = fetch, fetch = async () => { \
        fetch = original; return new Response('', { status: 429 }); }, 0";
    here.value(once).await;
    here.enters("later").await;
    here.counts(".waiting", 1).await;
    here.counts(".saving, .waiting", 0).await;
    here.visit("/lists/busy").await;
    here.shows(ITEMS, &["later"]).await;
}

/// Checks that changes that are accepted and not saved yet are shown as such, also after a reload.
async fn wait_for_the_saver(stage: &mut Stage, here: &Browser) {
    here.visit("/lists/slow").await;
    here.enters("saved").await;
    here.counts(".saving", 0).await;
    stage.system.stop_member("save-handler-1").await.unwrap();
    here.enters("not yet").await;
    here.click(&nth(1, ".toggle")).await;
    here.click(&nth(2, ".toggle")).await;
    here.counts(".saving", 2).await;
    here.shows(".completed", &["saved", "not yet"]).await;
    here.picture("saving-wide-light").await;
    stage.system.restart_member("save-handler-1").await.unwrap();
    here.counts(".saving", 0).await;
    here.shows(".completed", &["saved", "not yet"]).await;
}

#[tokio::test]
async fn browsers_see_what_the_others_do_and_keep_what_is_done_while_they_are_cut_off() {
    let mut stage = Stage::start(&[]).await;
    let (here, mut there) = tokio::join!(stage.browser((1280, 900)), stage.browser((390, 844)));
    there.home = stage.linked();
    follow(&here, &there).await;
    undo(&here, &there).await;
    reorder(&here, &there).await;
    disconnect(&stage, &here, &there).await;
    hurry(&stage, &there).await;
    come_too_often(&here).await;
    wait_for_the_saver(&mut stage, &here).await;
    tokio::join!(here.close(), there.close());
}
