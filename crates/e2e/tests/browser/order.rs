//! Dragging of items.

use serde_json::json;

use crate::{browser::Browser, stage::Stage};

const ITEMS: &str = ".todo-list li";
const ARROWS: &str = ".todo-list li:first-child .down";
const DRAGGING: &str = "document.querySelectorAll('.dragging').length";
const MOVING: &str = "document.querySelectorAll('.saving, .waiting').length";

impl Browser {
    /// Presses the mouse button on the arrows of the first item.
    async fn holds_the_first(&self) -> (f64, f64) {
        let place = self.middle(ARROWS).await;
        self.mouse("mouseMoved", place, 0).await;
        self.mouse("mousePressed", place, 1).await;
        place
    }

    /// Drags the first item down by a few pixels, which changes nothing if it is the only one.
    async fn drags_the_first(&self) {
        let (x, y) = self.holds_the_first().await;
        self.mouse("mouseMoved", (x, y + 10.0), 1).await;
        self.becomes(DRAGGING, 1).await;
        self.mouse("mouseReleased", (x, y + 10.0), 1).await;
        self.becomes(DRAGGING, 0).await;
    }
}

#[tokio::test]
async fn a_press_that_ends_beside_the_list_drags_nothing_when_the_mouse_comes_back() {
    let stage = Stage::start(&[]).await;
    let browser = stage.browser((1280, 900)).await;
    browser.visit("/lists/order").await;
    for item in ["one", "two"] {
        browser.enters(item).await;
    }
    browser.becomes(MOVING, 0).await;
    let (x, y) = browser.holds_the_first().await;
    browser.mouse("mouseMoved", (5.0, y), 1).await;
    browser.mouse("mouseReleased", (5.0, y), 1).await;
    for by in [1.0, 20.0, 40.0] {
        browser.mouse("mouseMoved", (x, y + by), 0).await;
    }
    browser.becomes(DRAGGING, 0).await;
    browser.click(".new-todo").await;
    browser.enters("three").await;
    browser.shows(ITEMS, &["one", "two", "three"]).await;
    browser.close().await;
}

#[tokio::test]
async fn an_item_that_is_shown_alone_is_dragged_nowhere() {
    let stage = Stage::start(&[]).await;
    let browser = stage.browser((1280, 900)).await;
    browser.visit("/lists/alone").await;
    browser.enters("one").await;
    browser.becomes(MOVING, 0).await;
    let watch = "asked = [], original = fetch, \
        fetch = (address, ...more) => (asked.push(address.split('/').pop()), original(address, ...more)), 0";
    browser.value(watch).await;
    browser.drags_the_first().await;
    browser.click(".toggle").await;
    browser.shows(".completed", &["one"]).await;
    browser.click(".new-todo").await;
    browser.enters("two").await;
    browser.click(".filters li:nth-child(2) a").await;
    browser.shows(ITEMS, &["two"]).await;
    browser.becomes(MOVING, 0).await;
    browser.drags_the_first().await;
    browser.click(".toggle").await;
    browser.becomes("asked.length > 2", true).await;
    let asked = browser.value("asked").await;
    assert_eq!(asked, json!(["complete", "new", "complete"]));
    browser
        .becomes("document.querySelector('.problem').hidden", true)
        .await;
    browser.close().await;
}
