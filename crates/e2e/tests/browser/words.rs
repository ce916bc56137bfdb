//! Names that suites written for `TodoMVC` look for: its words, and the markers of the two public
//! examples.

use serde_json::json;

use crate::{browser::Browser, stage::Stage};

const ITEMS: &str = "[data-testid=todo-item]";
const MOVING: &str = "document.querySelectorAll('.saving, .waiting').length";

/// JavaScript that finds elements by their accessible name, from a label or a reference, as screen
/// readers and tests do.
const NAMED: &str = "(name, kind) => [...document.querySelectorAll(kind)].filter((it) => [
        ...(it.labels ?? []),
        ...(it.getAttribute('aria-labelledby') ?? '').split(' ').map((id) => document.getElementById(id)),
    ].map((label) => label?.textContent ?? '').join(' ').includes(name)).map((it) => it.className)";

impl Browser {
    /// Dispatches an event from a script, as suites do that only imitate a user.
    async fn sends(&self, selector: &str, event: &str) {
        let send = format!("document.querySelector({selector:?}).dispatchEvent(new {event})");
        self.value(&send).await;
    }
}

#[tokio::test]
async fn a_suite_finds_what_it_knows_from_the_public_examples() {
    let stage = Stage::start(&[]).await;
    let browser = stage.browser((1280, 900)).await;
    browser.visit("/lists/words").await;
    for item in ["one", "two"] {
        browser.enters(item).await;
    }
    browser.becomes(MOVING, 0).await;
    for (mark, count) in [
        ("text-input", 1),
        ("main", 1),
        ("toggle-all", 1),
        ("todo-list", 1),
        ("todo-item", 2),
        ("todo-item-toggle", 2),
        ("todo-item-label", 2),
        ("todo-title", 2),
        ("todo-item-button", 2),
        ("footer", 1),
        ("todo-count", 1),
        ("footer-navigation", 1),
    ] {
        let found = format!("document.querySelectorAll('[data-testid={mark}]').length");
        assert_eq!(browser.value(&found).await, count, "{mark}");
    }
    let placeholder = "document.querySelector('.new-todo').placeholder";
    assert_eq!(browser.value(placeholder).await, "What needs to be done?");
    for (name, kind, classes) in [
        ("Mark all as complete", "*", json!(["toggle-all"])),
        ("Edit", "input", json!(["edit", "edit"])),
        ("What needs to be done?", "input", json!(["new-todo"])),
    ] {
        let found = format!("({NAMED})({name:?}, {kind:?})");
        assert_eq!(browser.value(&found).await, classes, "{name}");
    }
    // A part of the name finds each link, and no other.
    for name in ["All", "Active", "Completed"] {
        let links = format!(
            "[...document.querySelectorAll('a')].filter((it) => it.textContent.includes('{name}')).length"
        );
        assert_eq!(browser.value(&links).await, 1, "{name}");
    }
    browser
        .shows(".filters a", &["All", "Active", "Completed"])
        .await;
    browser
        .shows(".clear-completed", &["Clear completed"])
        .await;
    browser.close().await;
}

#[tokio::test]
async fn a_suite_that_only_sends_events_can_add_an_item_and_change_it() {
    let stage = Stage::start(&[]).await;
    let browser = stage.browser((1280, 900)).await;
    browser.visit("/lists/events").await;
    let enter =
        "KeyboardEvent('keydown', { key: 'Enter', keyCode: 13, bubbles: true, cancelable: true })";
    browser
        .value("document.querySelector('[data-testid=text-input]').value = 'text'")
        .await;
    browser.sends("[data-testid=text-input]", enter).await;
    browser.shows(ITEMS, &["text"]).await;
    let leaves = [
        "FocusEvent('blur')",
        "FocusEvent('blur', { bubbles: true })",
        "Event('blur')",
        "FocusEvent('focusout', { bubbles: true })",
        enter,
    ];
    for (number, leave) in leaves.into_iter().enumerate() {
        let double = "MouseEvent('dblclick', { bubbles: true, cancelable: true })";
        browser.sends("[data-testid=todo-title]", double).await;
        browser
            .becomes("document.querySelectorAll('.editing').length", 1)
            .await;
        let text = format!("text {number}");
        browser
            .value(&format!(
                "document.querySelector('.editing .edit').value = {text:?}"
            ))
            .await;
        browser.sends(".editing .edit", leave).await;
        browser.shows(ITEMS, &[&text]).await;
        browser.shows(".editing", &[]).await;
    }
    browser.becomes(MOVING, 0).await;
    browser.visit("/lists/events").await;
    browser.shows(ITEMS, &["text 4"]).await;
    browser.close().await;
}
