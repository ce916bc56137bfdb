//! Devices whose clocks are wrong, by years and in both directions.

use testkit::eventually;

use crate::{
    browser::Browser,
    stage::{SOON, Stage},
};

const ITEMS: &str = ".todo-list li";
const KEPT: &str = "Object.keys(localStorage).length";
const MOVING: &str = "document.querySelectorAll('.saving, .waiting').length";

/// Times on clocks: before 1970, of a device without a battery, far ahead, further than a key can hold,
/// and none.
const TIMES: [&str; 8] = [
    "-1e13",
    "0",
    "3e5",
    "946684800000",
    "4e12",
    "19e12",
    "1e15",
    "NaN",
];

impl Browser {
    /// Sets the device's clock to this time on each page from now on.
    pub(crate) async fn has_the_time(&self, time: &str) {
        self.runs_first(&format!("Date.now = () => {time}")).await;
    }
}

#[tokio::test]
async fn whatever_the_clock_of_a_device_says_all_that_is_done_is_saved_in_its_order() {
    let stage = Stage::start(&[]).await;
    let browser = stage.browser((1280, 900)).await;
    let mut items = Vec::new();
    for time in TIMES {
        browser.has_the_time(time).await;
        browser.visit("/lists/clock").await;
        browser
            .becomes(
                "String(Date.now())",
                browser.value(&format!("String({time})")).await,
            )
            .await;
        items.push(format!("typed at {time}"));
        let typed: Vec<_> = items.iter().map(String::as_str).collect();
        browser.enters(typed[typed.len() - 1]).await;
        // A row is drawn with the next frame.
        browser.shows(ITEMS, &typed).await;
        browser.click(".todo-list li:last-child .toggle").await;
        browser.becomes(MOVING, 0).await;
        browser.becomes(KEPT, 0).await;
    }
    browser.visit("/lists/clock").await;
    let items: Vec<_> = items.iter().map(String::as_str).collect();
    browser.shows(ITEMS, &items).await;
    browser.shows(".completed", &items).await;
    browser
        .becomes("document.querySelectorAll('.refused li').length", 0)
        .await;
    browser.close().await;
}

#[tokio::test]
async fn a_clock_that_is_put_right_while_changes_wait_leaves_them_in_their_order() {
    let stage = Stage::start(&[]).await;
    let browser = stage.browser((1280, 900)).await;
    browser
        .runs_first(
            "original = fetch, fetch = (address, change) => \
        change ? Promise.reject(Error('cut off')) : original(address)",
        )
        .await;
    for (time, item) in [("19e12", "one"), ("3e5", "two"), ("18e11", "three")] {
        browser.has_the_time(time).await;
        browser.visit("/lists/jumps").await;
        browser.enters(item).await;
    }
    browser.visit("/lists/jumps").await;
    browser.shows(ITEMS, &["one", "two", "three"]).await;
    browser.value("fetch = original, 0").await;
    browser.becomes(MOVING, 0).await;
    browser.visit("/lists/jumps").await;
    browser.shows(ITEMS, &["one", "two", "three"]).await;
    browser.close().await;
}

#[tokio::test]
async fn what_is_moved_beside_items_that_are_not_saved_yet_stays_there_whatever_the_clock_says() {
    let mut stage = Stage::start(&[]).await;
    let browser = stage.browser((1280, 900)).await;
    for (list, time) in [("ahead", "19e12"), ("behind", "3e5")] {
        browser.has_the_time(time).await;
        browser.visit(&format!("/lists/{list}")).await;
        browser.enters("old").await;
        browser.becomes(MOVING, 0).await;
        stage.system.stop_member("save-handler-1").await.unwrap();
        for item in ["one", "two", "three"] {
            browser.enters(item).await;
        }
        browser.shows(ITEMS, &["old", "one", "two", "three"]).await;
        // The last goes up by two, and the first down by one, among what waits.
        browser.click(".todo-list li:nth-child(4) .up").await;
        browser.shows(ITEMS, &["old", "one", "three", "two"]).await;
        browser.click(".todo-list li:nth-child(3) .up").await;
        browser.shows(ITEMS, &["old", "three", "one", "two"]).await;
        browser.click(".todo-list li:nth-child(1) .down").await;
        let items = ["three", "old", "one", "two"];
        browser.shows(ITEMS, &items).await;
        eventually("all is accepted", SOON, async || {
            let waiting =
                "Object.values(localStorage).filter((it) => !JSON.parse(it).accepted).length";
            browser.value(waiting).await == 0
        })
        .await;
        stage.system.restart_member("save-handler-1").await.unwrap();
        browser.becomes(MOVING, 0).await;
        browser.shows(ITEMS, &items).await;
        browser.click(".new-todo").await;
        browser.enters("new").await;
        browser.becomes(MOVING, 0).await;
        browser.visit(&format!("/lists/{list}")).await;
        browser
            .shows(ITEMS, &["three", "old", "one", "two", "new"])
            .await;
    }
    browser.close().await;
}
