//! Browsers that are older, or have stricter settings, than the one of the tests: the missing features
//! are removed from it.

use serde_json::json;
use testkit::eventually;

use crate::{
    browser::Browser,
    stage::{SOON, Stage},
};

const ITEMS: &str = ".todo-list li";
const MOVING: &str = "document.querySelectorAll('.saving, .waiting').length";
const SCRIPTED: &str = "document.documentElement.classList.contains('scripted')";

/// JavaScript that removes recent features (Safari 15.0, Chrome 91 and Firefox 91 have none of them).
const RECENT: &str = "
    delete AbortSignal.timeout; delete AbortSignal.any; delete window.structuredClone;
    delete Object.groupBy; delete Promise.withResolvers; delete crypto.randomUUID; delete window.scheduler;
    for (const name of ['at', 'findLast', 'findLastIndex', 'toSorted', 'toReversed', 'toSpliced', 'with'])
        delete Array.prototype[name];
    delete SubmitEvent.prototype.submitter; delete HTMLFormElement.prototype.requestSubmit;
    delete Element.prototype.ariaCurrent; delete Element.prototype.checkVisibility;
    delete HTMLElement.prototype.popover; delete Element.prototype.setHTMLUnsafe;
    delete PointerEvent.prototype.pointerType;";

/// Kinds of unusable storage: name and the script that makes it so.
const STORAGES: [(&str, &str); 4] = [
    (
        "blocked",
        "Object.defineProperty(window, 'localStorage', \
        { get() { throw new DOMException('no', 'SecurityError'); } })",
    ),
    (
        "null",
        "Object.defineProperty(window, 'localStorage', { value: null })",
    ),
    (
        "full",
        "Storage.prototype.setItem = () => { throw new DOMException('no', 'QuotaExceededError'); }",
    ),
    (
        "broken",
        "for (const name of ['getItem', 'setItem', 'removeItem', 'key']) \
        Storage.prototype[name] = () => { throw new DOMException('no', 'InvalidStateError'); }",
    ),
];

impl Browser {
    /// Does everything that one does with a list, and checks that it is saved.
    async fn does_everything(&self, list: &str) {
        self.visit(list).await;
        self.becomes(SCRIPTED, true).await;
        for item in ["one", "two", "three", "four"] {
            self.enters(item).await;
        }
        self.shows(ITEMS, &["one", "two", "three", "four"]).await;
        self.click("li:nth-child(1) .toggle").await;
        self.click("li:nth-child(3) .up").await;
        self.double_click("li:nth-child(4) label").await;
        self.enters(" and a half").await;
        self.click("li:nth-child(2) .destroy").await;
        self.shows(ITEMS, &["one", "two", "four and a half"]).await;
        self.click(".filters li:nth-child(2) a").await;
        self.shows(".filters [aria-current]", &["Active"]).await;
        self.shows(ITEMS, &["two", "four and a half"]).await;
        self.click(".clear-completed").await;
        self.click(".filters li:nth-child(1) a").await;
        self.shows(ITEMS, &["two", "four and a half"]).await;
        self.becomes(MOVING, 0).await;
        self.visit(list).await;
        self.shows(ITEMS, &["two", "four and a half"]).await;
        self.shows(".refused li", &[]).await;
    }
}

#[tokio::test]
async fn a_browser_without_what_came_with_the_last_years_can_do_everything() {
    let stage = Stage::start(&[]).await;
    let browser = stage.browser((1280, 900)).await;
    browser.runs_first(RECENT).await;
    browser.does_everything("/lists/older").await;
    browser.close().await;
}

#[tokio::test]
async fn a_browser_that_keeps_nothing_can_do_everything_while_its_page_is_open() {
    let stage = Stage::start(&[]).await;
    for (name, script) in STORAGES {
        let browser = stage.browser((1280, 900)).await;
        browser.runs_first(script).await;
        browser.does_everything(&format!("/lists/{name}")).await;
        browser.close().await;
    }
    let browser = stage.browser((1280, 900)).await;
    browser
        .runs_first("crypto.getRandomValues = () => { throw Error('none'); }")
        .await;
    browser.does_everything("/lists/random").await;
    browser.close().await;
}

#[tokio::test]
async fn whoever_would_lose_what_is_kept_nowhere_else_is_asked_before_the_page_goes() {
    let stage = Stage::start(&[]).await;
    let browser = stage.browser((1280, 900)).await;
    let (_, full) = STORAGES[2];
    browser.runs_first(full).await;
    browser.visit("/lists/asked").await;
    let asks = "!dispatchEvent(new Event('beforeunload', { cancelable: true }))";
    browser.becomes(asks, false).await;
    browser
        .value("original = fetch, fetch = () => Promise.reject(Error('cut off')), 0")
        .await;
    browser.enters("only here").await;
    browser.becomes(asks, true).await;
    browser.value("fetch = original, 0").await;
    browser.becomes(MOVING, 0).await;
    browser.becomes(asks, false).await;
    browser.close().await;
}

#[tokio::test]
async fn a_tap_on_a_text_opens_it_also_where_a_click_does_not_say_what_it_was_made_with() {
    let stage = Stage::start(&[]).await;
    let browser = stage.browser((390, 844)).await;
    let touch = json!({ "enabled": true, "maxTouchPoints": 5 });
    browser
        .devtools("Emulation.setTouchEmulationEnabled", touch)
        .await;
    browser
        .runs_first("delete PointerEvent.prototype.pointerType")
        .await;
    browser.visit("/lists/tap").await;
    browser
        .becomes("matchMedia('(hover: none)').matches", true)
        .await;
    browser.enters("milk").await;
    browser.becomes(MOVING, 0).await;
    browser
        .value("document.querySelector('.todo-list label').click()")
        .await;
    browser
        .becomes("document.activeElement.className", "edit")
        .await;
    browser.enters(" and honey").await;
    browser.shows(ITEMS, &["milk and honey"]).await;
    browser.close().await;
}

#[tokio::test]
async fn where_the_script_does_not_run_the_forms_are_what_is_shown_and_they_work() {
    let stage = Stage::start(&[]).await;
    for (name, script) in [
        // An older browser cannot parse it, in a mix of two versions a module is missing, and one script
        // fails while it starts.
        ("blocked", ""),
        ("dies", "delete window.Map; window.Map = undefined"),
    ] {
        let browser = stage.browser((1280, 900)).await;
        if script.is_empty() {
            let blocked = json!({ "urls": ["*outbox.js*"] });
            browser.devtools("Network.enable", json!({})).await;
            browser.devtools("Network.setBlockedURLs", blocked).await;
        } else {
            browser.runs_first(script).await;
        }
        let list = format!("/lists/{name}");
        browser.visit(&list).await;
        browser.enters("one").await;
        let added = "location.search.startsWith('?accepted=')";
        browser.becomes(added, true).await;
        browser.becomes(SCRIPTED, false).await;
        eventually("it is saved", SOON, async || {
            browser.visit(&list).await;
            browser.texts(ITEMS).await == ["one"]
        })
        .await;
        browser.click("li .tick").await;
        browser
            .becomes("location.search.startsWith('?changed=')", true)
            .await;
        eventually("it is done", SOON, async || {
            browser.visit(&list).await;
            browser.texts(".completed").await == ["one"]
        })
        .await;
        browser.close().await;
    }
}
