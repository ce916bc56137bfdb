//! Requirements of the public `TodoMVC` specification, in its own words for the elements.

use fantoccini::key::Key;

use crate::{browser::Browser, stage::Stage};

const COUNT: &str = "document.querySelector('.todo-count').textContent";

impl Browser {
    /// Opens a list of its own and adds items.
    async fn has(&self, list: &str, items: &[&str]) {
        self.visit(&format!("/lists/{list}")).await;
        for item in items {
            self.enters(item).await;
        }
    }

    /// Waits until exactly these items are shown, with these of them completed.
    async fn lists(&self, items: &[&str], done: &[&str]) {
        self.shows(".todo-list li", items).await;
        self.shows(".todo-list li.completed", done).await;
        self.shows(".todo-list li:has(.toggle:checked)", done).await;
    }

    /// Waits until every change is saved.
    async fn is_saved(&self) {
        let moving = "document.querySelectorAll('.saving, .waiting').length";
        self.becomes(moving, 0).await;
    }

    async fn sees(&self, selector: &str, seen: bool) {
        let element = format!("document.querySelector({selector:?})");
        self.becomes(&format!("!!{element}?.checkVisibility()"), seen)
            .await;
    }
}

fn nth(row: usize, selector: &str) -> String {
    format!(".todo-list li:nth-child({row}) {selector}")
}

async fn new_items(browser: &Browser) {
    browser.visit("/lists/new").await;
    browser
        .becomes("document.activeElement.className", "new-todo")
        .await;
    browser.sees(".main", false).await;
    browser.sees(".footer", false).await;
    browser.enters("buy milk").await;
    browser.lists(&["buy milk"], &[]).await;
    browser
        .becomes("document.querySelector('.new-todo').value", "")
        .await;
    browser.becomes(COUNT, "1 item left").await;
    browser.sees(".main", true).await;
    browser.sees(".footer", true).await;
    browser.enters("   water the plants  ").await;
    browser.enters("   ").await;
    browser.lists(&["buy milk", "water the plants"], &[]).await;
    browser.becomes(COUNT, "2 items left").await;
    browser.is_saved().await;
    browser.lists(&["buy milk", "water the plants"], &[]).await;
}

async fn all_at_once(browser: &Browser) {
    let items = ["one", "two", "three"];
    browser.has("all", &items).await;
    browser.click(".toggle-all").await;
    browser.lists(&items, &items).await;
    browser.becomes(COUNT, "0 items left").await;
    browser.click(&nth(1, ".toggle")).await;
    let checked = "document.querySelector('.toggle-all').checked";
    browser.becomes(checked, false).await;
    browser.click(&nth(1, ".toggle")).await;
    browser.becomes(checked, true).await;
    browser.is_saved().await;
    browser.lists(&items, &items).await;
    browser.click(".toggle-all").await;
    browser.lists(&items, &[]).await;

    browser.sees(".clear-completed", false).await;
    browser.click(&nth(2, ".toggle")).await;
    browser.sees(".clear-completed", true).await;
    browser.click(".clear-completed").await;
    browser.lists(&["one", "three"], &[]).await;
    browser.sees(".clear-completed", false).await;
    browser.is_saved().await;
    browser.lists(&["one", "three"], &[]).await;
}

async fn editing(browser: &Browser) {
    browser.has("editing", &["one", "two", "three"]).await;
    let label = nth(2, "label");
    browser.double_click(&label).await;
    browser.shows(".todo-list li.editing", &["two"]).await;
    browser
        .becomes("document.activeElement.className", "edit")
        .await;
    browser.becomes("document.activeElement.value", "two").await;
    browser.sees(&nth(2, ".view"), false).await;
    browser.enters(" and a half  ").await;
    browser
        .lists(&["one", "two and a half", "three"], &[])
        .await;
    browser.sees(".editing", false).await;

    browser.double_click(&label).await;
    browser.types(" that is not kept").await;
    browser.presses(Key::Escape).await;
    browser
        .lists(&["one", "two and a half", "three"], &[])
        .await;
    browser.double_click(&label).await;
    browser.types(", saved on blur").await;
    browser.click(".new-todo").await;
    let items = ["one", "two and a half, saved on blur", "three"];
    browser.lists(&items, &[]).await;
    browser.is_saved().await;
    browser.lists(&items, &[]).await;

    browser.double_click(&label).await;
    browser.value("document.activeElement.select()").await;
    browser.presses(Key::Backspace).await;
    browser.presses(Key::Enter).await;
    browser.lists(&["one", "three"], &[]).await;
    browser.click(&nth(1, ".destroy")).await;
    browser.lists(&["three"], &[]).await;
}

async fn filters(browser: &Browser) {
    browser.has("filters", &["one", "two", "three"]).await;
    browser.click(&nth(2, ".toggle")).await;
    let show = async |name: &str, items: &[&str]| {
        browser.shows(".todo-list li", items).await;
        browser.shows(".filters .selected", &[name]).await;
    };
    let filter = |number| format!(".filters li:nth-child({number}) a");
    show("All", &["one", "two", "three"]).await;
    browser.click(&filter(2)).await;
    show("Active", &["one", "three"]).await;
    browser.click(&filter(3)).await;
    show("Completed", &["two"]).await;
    browser.back().await;
    show("Active", &["one", "three"]).await;
    browser.becomes(COUNT, "2 items left").await;
    // An item that the filter excludes disappears.
    browser.click(&nth(1, ".toggle")).await;
    show("Active", &["three"]).await;
    browser.back().await;
    show("All", &["one", "two", "three"]).await;
    browser.is_saved().await;

    // A link to it shows the same, and knows the others.
    browser.visit("/lists/filters?show=completed").await;
    show("Completed", &["one", "two"]).await;
    browser.click(&filter(1)).await;
    show("All", &["one", "two", "three"]).await;
    browser
        .lists(&["one", "two", "three"], &["one", "two"])
        .await;
    browser.value("void (location.hash = '#/active')").await;
    browser.shows(".todo-list li", &["three"]).await;
}

#[tokio::test]
async fn the_page_does_what_the_specification_of_todo_apps_asks_for() {
    let stage = Stage::start(&[]).await;
    let browser = stage.browser((1280, 900)).await;
    new_items(&browser).await;
    all_at_once(&browser).await;
    editing(&browser).await;
    filters(&browser).await;
    // All of it is there after a reload.
    for (list, items, done) in [
        ("new", vec!["buy milk", "water the plants"], vec![]),
        ("all", vec!["one", "three"], vec![]),
        ("editing", vec!["three"], vec![]),
        ("filters", vec!["one", "two", "three"], vec!["one", "two"]),
    ] {
        browser.visit(&format!("/lists/{list}")).await;
        browser.lists(&items, &done).await;
    }
    browser.visit("/").await;
    browser.lists(&[], &[]).await;
    browser.close().await;
}
