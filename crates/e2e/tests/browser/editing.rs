//! Editing of an item's text while other users change the item.

use fantoccini::key::Key;
use serde_json::json;

use crate::{browser::Browser, stage::Stage};

const ITEMS: &str = ".todo-list li";
const FIRST: &str = ".todo-list li:first-child label";
const FIELD: &str = "document.querySelector('.editing .edit')?.value ?? null";
const FOCUS: &str = "document.activeElement.className";
const MOVING: &str = "document.querySelectorAll('.saving, .waiting').length";

impl Browser {
    /// Opens a list and records the changes that it sends from now on.
    async fn watches(&self, list: &str) {
        self.visit(&format!("/lists/{list}")).await;
        let watch = "sent = [], original = fetch, fetch = (address, change) => \
            (change && sent.push(address.split('/').pop()), original(address, change)), 0";
        self.value(watch).await;
    }

    async fn renames_the_first(&self, text: &str) {
        self.double_click(FIRST).await;
        self.value("document.activeElement.select()").await;
        self.enters(text).await;
    }
}

#[tokio::test]
async fn an_editor_that_is_left_without_typing_sends_nothing_whatever_came_meanwhile() {
    let stage = Stage::start(&[]).await;
    let (here, there) = tokio::join!(stage.browser((1280, 900)), stage.browser((1280, 900)));
    there.visit("/lists/left").await;
    there.enters("milk").await;
    there.becomes(MOVING, 0).await;
    here.watches("left").await;
    for (number, leave) in ["Enter", "a click", "Escape", "blur"]
        .into_iter()
        .enumerate()
    {
        here.shows(ITEMS, &[&there.texts(ITEMS).await[0]]).await;
        here.double_click(FIRST).await;
        here.becomes(FOCUS, "edit").await;
        let text = format!("oat milk {number}");
        there.renames_the_first(&text).await;
        here.shows(FIRST, &[&text]).await;
        match leave {
            "Enter" => here.presses(Key::Enter).await,
            "Escape" => here.presses(Key::Escape).await,
            "a click" => here.click(".new-todo").await,
            // The way in which public test suites end an editor.
            _ => {
                let blur =
                    "document.querySelector('.editing .edit').dispatchEvent(new Event('blur'))";
                here.value(blur).await;
            }
        }
        here.becomes(FIELD, json!(null)).await;
        here.shows(ITEMS, &[&text]).await;
        there.becomes(MOVING, 0).await;
    }
    assert_eq!(here.value("sent").await, json!([]));
    tokio::join!(here.close(), there.close());
}

#[tokio::test]
async fn what_is_typed_into_an_item_that_is_deleted_meanwhile_stays_with_the_person() {
    let stage = Stage::start(&[]).await;
    let (here, there) = tokio::join!(stage.browser((1280, 900)), stage.browser((1280, 900)));
    there.visit("/lists/gone").await;
    for item in ["bread", "milk", "apples"] {
        there.enters(item).await;
    }
    there.becomes(MOVING, 0).await;
    here.watches("gone").await;
    here.double_click(".todo-list li:nth-child(2) label").await;
    here.types(" and a long").await;
    for _ in 0..2 {
        there.click(".todo-list li:first-child .destroy").await;
    }
    there.shows(ITEMS, &["apples"]).await;
    here.shows(ITEMS, &["milk", "apples"]).await;
    here.becomes(FOCUS, "edit").await;
    here.types(" thought").await;
    here.becomes(FIELD, "milk and a long thought").await;
    here.becomes(
        "document.querySelector('.todo-count').textContent",
        "1 item left",
    )
    .await;
    here.presses(Key::Enter).await;
    here.shows(".refused li span", &["milk and a long thought"])
        .await;
    here.shows(ITEMS, &["apples"]).await;
    here.visit("/lists/gone").await;
    here.shows(".refused li span", &["milk and a long thought"])
        .await;
    here.shows(ITEMS, &["apples"]).await;
    tokio::join!(here.close(), there.close());
}

#[tokio::test]
async fn what_is_typed_into_an_item_that_is_changed_or_filtered_out_meanwhile_is_saved_if_it_is_finished()
 {
    let stage = Stage::start(&[]).await;
    let (here, there) = tokio::join!(stage.browser((1280, 900)), stage.browser((1280, 900)));
    there.visit("/lists/typed").await;
    for item in ["milk", "bread"] {
        there.enters(item).await;
    }
    there.becomes(MOVING, 0).await;
    here.watches("typed?show=active").await;
    here.double_click(FIRST).await;
    here.types(", half a").await;
    there.click(".todo-list li:first-child .toggle").await;
    there.renames_the_first("oat milk").await;
    here.shows(FIRST, &["oat milk"]).await;
    here.types(" litre").await;
    here.becomes(FIELD, "milk, half a litre").await;
    here.presses(Key::Enter).await;
    here.shows(ITEMS, &["bread"]).await;
    there.shows(ITEMS, &["milk, half a litre", "bread"]).await;

    // Escape keeps the others' text; leaving the page saves one's own.
    here.double_click(FIRST).await;
    here.types(" that nobody wants").await;
    there.double_click(".todo-list li:nth-child(2) label").await;
    there.enters(" and butter").await;
    here.shows(FIRST, &["bread and butter"]).await;
    here.presses(Key::Escape).await;
    here.shows(ITEMS, &["bread and butter"]).await;
    assert_eq!(here.value("sent").await, json!(["rename"]));
    here.double_click(FIRST).await;
    here.types(" and jam").await;
    here.visit("/lists/typed").await;
    let items = ["milk, half a litre", "bread and butter and jam"];
    here.shows(ITEMS, &items).await;
    there.shows(ITEMS, &items).await;
    tokio::join!(here.close(), there.close());
}

#[tokio::test]
async fn an_editor_has_the_stored_text_and_not_what_a_translator_made_of_the_page() {
    let stage = Stage::start(&[]).await;
    let browser = stage.browser((1280, 900)).await;
    let plain = stage.plain_browser((1280, 900)).await;
    browser.visit("/lists/우유").await;
    browser.enters("우유 사기").await;
    browser.becomes(MOVING, 0).await;
    let translate = "for (const it of document.querySelectorAll('.todo-list label, .todo-count')) \
        it.innerHTML = '<font><font>buy milk</font></font>'";
    // Also before the page's script has seen it.
    let early = format!("addEventListener('readystatechange', () => {{ {translate} }}, true)");
    for earlier in [false, true] {
        if earlier {
            browser.runs_first(&early).await;
            browser.visit("/lists/우유").await;
        } else {
            browser.value(&format!("(() => {{ {translate} }})()")).await;
            browser.shows("li label", &["buy milk"]).await;
        }
        browser.double_click(FIRST).await;
        let text = if earlier {
            "우유 사기!"
        } else {
            "우유 사기"
        };
        browser.becomes(FIELD, text).await;
        browser.enters("!").await;
        browser.becomes(MOVING, 0).await;
    }
    browser.click(".new-todo").await;
    browser.enters("빵 사기").await;
    browser
        .becomes(
            "document.querySelector('.todo-count').textContent",
            "2 items left",
        )
        .await;
    let saved = "select string_agg(item, ', ' order by item) from items";
    browser.becomes(MOVING, 0).await;
    assert_eq!(
        stage.system.sql(saved).await.unwrap().trim(),
        "빵 사기, 우유 사기!!"
    );

    // And the page tells translators which texts are the user's.
    plain.visit("/lists/우유").await;
    for selector in ["h1 a", "li label", "li label span", "li .edit"] {
        let translated = format!("document.querySelector({selector:?}).translate");
        plain.becomes(&translated, false).await;
    }
    plain
        .becomes("document.querySelector('.clear-completed').translate", true)
        .await;
    tokio::join!(browser.close(), plain.close());
}

#[tokio::test]
async fn the_key_that_ends_a_composed_word_ends_neither_the_editor_nor_the_new_item() {
    let stage = Stage::start(&[]).await;
    let browser = stage.browser((1280, 900)).await;
    browser.watches("composed").await;
    // Safari ends the word first; then the key says only by its code that it belongs to it.
    let key = |key: &str, more: &str| {
        format!(
            "document.activeElement.dispatchEvent(new KeyboardEvent('keydown', \
                {{ key: '{key}', bubbles: true, cancelable: true, {more} }}))"
        )
    };
    let safari = key("Enter", "keyCode: 229");
    let others = key("Enter", "keyCode: 229, isComposing: true");
    browser.types("우유").await;
    for composed in [&safari, &others] {
        browser.value(composed).await;
        browser
            .becomes("document.querySelector('.new-todo').value", "우유")
            .await;
    }
    browser.value(&key("Enter", "keyCode: 13")).await;
    browser.shows(ITEMS, &["우유"]).await;
    browser.becomes(MOVING, 0).await;
    browser.double_click(FIRST).await;
    browser.types(" 사기").await;
    for composed in [&safari, &others, &key("Escape", "keyCode: 229")] {
        browser.value(composed).await;
        browser.becomes(FIELD, "우유 사기").await;
    }
    browser.presses(Key::Enter).await;
    browser.shows(ITEMS, &["우유 사기"]).await;
    browser.becomes(MOVING, 0).await;
    assert_eq!(browser.value("sent").await, json!(["new", "rename"]));
    browser.close().await;
}

#[tokio::test]
async fn a_text_that_gets_too_long_is_told_of_while_it_is_typed() {
    let stage = Stage::start(&[]).await;
    let browser = stage.browser((1280, 900)).await;
    browser.visit("/lists/long").await;
    let told = "document.querySelector('.problem:not([hidden])')?.textContent ?? null";
    browser.types(&"가".repeat(256)).await;
    browser.becomes(told, json!(null)).await;
    browser.types("!!").await;
    browser
        .becomes(told, "Up to 256 characters: you have 258.")
        .await;
    browser.value("document.activeElement.select()").await;
    browser.enters("milk").await;
    browser.becomes(told, json!(null)).await;
    browser.shows(ITEMS, &["milk"]).await;
    browser.becomes(MOVING, 0).await;
    browser.double_click(FIRST).await;
    browser.types(&"x".repeat(300)).await;
    browser
        .becomes(told, "Up to 256 characters: you have 304.")
        .await;
    browser.presses(Key::Escape).await;
    browser.becomes(told, json!(null)).await;
    browser.shows(ITEMS, &["milk"]).await;
    browser.close().await;
}

#[tokio::test]
async fn with_a_finger_an_editor_has_a_button_to_save_and_one_to_cancel() {
    let stage = Stage::start(&[]).await;
    let browser = stage.browser((390, 844)).await;
    let touch = json!({ "enabled": true, "maxTouchPoints": 5 });
    browser
        .devtools("Emulation.setTouchEmulationEnabled", touch)
        .await;
    browser.watches("finger").await;
    browser.enters("milk").await;
    browser.shows(ITEMS, &["milk"]).await;
    browser.becomes(MOVING, 0).await;
    for (button, text) in [(".drop", "milk"), (".keep", "milk and honey")] {
        browser.click(FIRST).await;
        browser.becomes(FOCUS, "edit").await;
        browser.types(" and honey").await;
        let button = format!(".editing {button}");
        let height =
            format!("document.querySelector('{button}').getBoundingClientRect().height >= 44");
        browser.becomes(&height, true).await;
        browser.picture(&format!("editing-{}", text.len())).await;
        browser.click(&button).await;
        browser.becomes(FIELD, json!(null)).await;
        browser.shows(ITEMS, &[text]).await;
        browser.becomes(MOVING, 0).await;
    }
    assert_eq!(browser.value("sent").await, json!(["new", "rename"]));
    browser.close().await;
}
