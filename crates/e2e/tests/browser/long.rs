//! A list of which a page shows a part.

use crate::{browser::Browser, stage::Stage};

const COUNT: &str = "document.querySelector('.todo-count').textContent";
const SHOWN: &str = "document.querySelectorAll('.todo-list li').length";
const SAVING: &str = "document.querySelectorAll('.saving').length";
const NOTE: &str = "document.querySelector('.part')?.textContent ?? ''";

impl Stage {
    /// Adds items directly to the database, as if they were old. `done` is the SQL condition on their
    /// number `n` for the completed ones.
    pub(crate) async fn has_many(&self, list: &str, count: u32, done: &str) {
        let many = format!(
            r#"insert into items (item_id, created_position, list, added_at, item, "order",
                completed, deleted, version, changed)
            select gen_random_uuid(), n, '{list}', now(), 'item ' || n, n, {done}, false, 1, true
            from generate_series(1, {count}) as n"#
        );
        self.system.sql(&many).await.unwrap();
    }

    /// Renames an item in the database without an event, and has the page fetch a fresh state, as it
    /// does when it may have missed an event. The new name shows that it has done so.
    async fn renames_behind(&self, browser: &Browser, item: &str, name: &str) {
        let rename =
            format!("update items set item = '{name}', version = 99 where item = '{item}'");
        self.system.sql(&rename).await.unwrap();
        // The script acts as another tab that takes the lead, announces a reset, and leaves.
        let reset = "(({ list, after }, tabs) => [{ kind: 'lead' }, { kind: 'open', lists: [list] }, \
            { kind: 'reset', id: Number(after) }, { kind: 'bye' }].forEach((news) => \
            tabs.postMessage({ tab: 'test', term: 1000, ...news })))\
            (document.querySelector('.todoapp').dataset, new BroadcastChannel('todo live'))";
        browser.value(reset).await;
    }
}

#[tokio::test]
async fn of_a_long_list_the_end_is_shown_and_all_of_it_is_counted_and_changed() {
    let stage = Stage::start(&[]).await;
    stage.has_many("long", 120, "false").await;
    let browser = stage.browser((1280, 900)).await;
    browser.visit("/lists/long").await;
    browser.becomes(COUNT, "120 items left").await;
    browser.becomes(SHOWN, 100).await;
    browser.enters("the last").await;
    browser.becomes(COUNT, "121 items left").await;
    let last = ".todo-list li:last-child";
    browser.shows(last, &["the last"]).await;
    browser.click(&format!("{last} .toggle")).await;
    browser.becomes(COUNT, "120 items left").await;
    browser.becomes(SAVING, 0).await;

    browser.click(".filters li:nth-child(3) a").await;
    browser.shows(".todo-list li", &["the last"]).await;
    browser.becomes(COUNT, "120 items left").await;
    browser.back().await;
    browser.becomes(SHOWN, 100).await;

    // The server changes also those that are not shown.
    browser.click(".toggle-all").await;
    browser.becomes(COUNT, "0 items left").await;
    browser.click(".clear-completed").await;
    browser
        .becomes("document.querySelector('.main').hidden", true)
        .await;
    browser.close().await;
}

#[tokio::test]
async fn of_a_long_list_all_that_is_left_is_shown_however_old_and_what_is_done_can_be_cleared() {
    let stage = Stage::start(&[]).await;
    stage.has_many("old", 150, "n > 20").await;
    let browser = stage.browser((1280, 900)).await;
    browser.visit("/lists/old?show=active").await;
    browser.becomes(SHOWN, 20).await;
    stage.renames_behind(&browser, "item 1", "the first").await;
    let first = ".todo-list li:first-child";
    browser.shows(first, &["the first"]).await;
    browser.becomes(SHOWN, 20).await;
    browser.becomes(COUNT, "20 items left").await;
    browser.becomes(NOTE, "").await;
    browser.click(".todo-list li:nth-child(2) .toggle").await;
    browser.becomes(SHOWN, 19).await;
    browser.becomes(COUNT, "19 items left").await;
    browser.becomes(SAVING, 0).await;

    browser.click(".clear-completed").await;
    let none = "document.querySelector('.clear-completed').hidden";
    browser.becomes(none, true).await;
    browser.becomes(SHOWN, 19).await;
    let kept = "select count(*) from items where not deleted";
    assert_eq!(stage.system.sql(kept).await.unwrap().trim(), "19");
    browser.close().await;
}

#[tokio::test]
async fn a_list_that_became_long_while_it_was_shown_is_treated_as_one() {
    let stage = Stage::start(&[]).await;
    stage.has_many("grown", 99, "n > 5").await;
    let browser = stage.browser((1280, 900)).await;
    browser.visit("/lists/grown").await;
    browser.click(".filters li:nth-child(2) a").await;
    browser.becomes(SHOWN, 5).await;
    browser.click(".new-todo").await;
    for item in ["one", "two", "three"] {
        browser.enters(item).await;
    }
    browser.becomes(SHOWN, 8).await;
    browser.becomes(SAVING, 0).await;

    stage.renames_behind(&browser, "three", "four").await;
    let items = [1, 2, 3, 4, 5].map(|number| format!("item {number}"));
    let items = items.iter().map(String::as_str);
    let items: Vec<_> = items.chain(["one", "two", "four"]).collect();
    browser.shows(".todo-list li", &items).await;
    browser.becomes(COUNT, "8 items left").await;

    // The page returns to the part without a reload.
    browser.value("kept = 0").await;
    browser.back().await;
    browser.becomes(SHOWN, 100).await;
    browser
        .becomes(NOTE, "These are the newest 100. Show the whole list")
        .await;
    browser.becomes(COUNT, "8 items left").await;
    browser.becomes("kept", 0).await;
    browser.click(".clear-completed").await;
    browser.shows(".todo-list li", &items).await;
    browser.becomes("window.kept ?? 1", 1).await;
    browser.close().await;
}

#[tokio::test]
async fn an_item_that_is_added_further_down_than_the_page_shows_is_told_of_with_a_way_to_it() {
    let stage = Stage::start(&[]).await;
    stage.has_many("deep", 40, "false").await;
    let browser = stage.browser((1280, 900)).await;
    browser.visit("/lists/deep").await;
    let hidden = "document.querySelector('.added').hidden";
    browser.becomes(hidden, true).await;
    browser.enters("the newest").await;
    browser.becomes(hidden, false).await;
    let row = "document.querySelector('.todo-list li:last-child')";
    let is_seen = format!("{row}.getBoundingClientRect().bottom <= innerHeight");
    browser.becomes(&is_seen, false).await;
    browser.click(".added a").await;
    browser.becomes(&is_seen, true).await;
    browser
        .becomes(&format!("{row}.matches(':target')"), true)
        .await;
    browser.becomes(hidden, true).await;
    // An item that is shown anyway needs no message.
    browser.visit("/lists/short").await;
    browser.enters("one").await;
    browser.shows(".todo-list li", &["one"]).await;
    browser.becomes(hidden, true).await;
    browser.click(".destroy").await;
    browser.shows(".undo b", &["one"]).await;
    browser.close().await;
}
