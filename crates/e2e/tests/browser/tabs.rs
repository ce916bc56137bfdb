//! Changes that wait to be sent: the browser stores them, and all of its tabs share them.

use testkit::eventually;

use crate::{
    browser::Browser,
    stage::{SOON, Stage},
};

const ITEMS: &str = ".todo-list li";
const KEPT: &str = "Object.keys(localStorage).length";
const MOVING: &str = "document.querySelectorAll('.saving, .waiting').length";

impl Browser {
    /// Fails all requests of this tab from now on, and counts the changes that it tries to send.
    async fn is_cut_off(&self) {
        let cut = "tries = 0, original = fetch, \
            fetch = async (address, change) => { if (change) tries++; throw Error('cut off'); }, 0";
        self.value(cut).await;
    }

    async fn is_back(&self) {
        self.value("fetch = original, 0").await;
    }
}

impl Stage {
    /// Waits until these are the saved items, the completed ones in brackets.
    async fn has_saved(&self, items: &str) {
        let saved = r#"select string_agg(case when completed then '[' || item || ']' else item end, ', '
            order by "order") from items where not deleted"#;
        eventually("what is saved", SOON, async || {
            let found = self.system.sql(saved).await.unwrap();
            if found.trim() == items {
                Ok(())
            } else {
                Err(found)
            }
        })
        .await;
    }
}

#[tokio::test]
async fn what_waits_in_a_list_is_not_taken_for_another_whose_name_begins_alike() {
    let stage = Stage::start(&[]).await;
    let browser = stage.browser((1280, 900)).await;
    browser.visit("/lists/work%20today").await;
    browser.is_cut_off().await;
    browser.enters("call").await;
    browser.becomes("tries > 0", true).await;
    browser.visit("/lists/work").await;
    browser.enters("write").await;
    browser.shows(ITEMS, &["write"]).await;
    browser.becomes(MOVING, 0).await;
    browser.shows(ITEMS, &["write"]).await;
    browser.visit("/lists/work%20today").await;
    browser.shows(ITEMS, &["call"]).await;
    browser.becomes(MOVING, 0).await;
    browser.becomes(KEPT, 0).await;
    browser.close().await;
}

#[tokio::test]
async fn what_is_undone_in_one_tab_is_not_done_by_another() {
    let mut stage = Stage::start(&[]).await;
    let browser = stage.browser((1280, 900)).await;
    browser.visit("/lists/tabs").await;
    browser.enters("stays").await;
    browser.becomes(MOVING, 0).await;
    let first = browser.tab().await;
    stage.system.broker().stop().await.unwrap();
    browser.click(".destroy").await;
    browser.shows(ITEMS, &[]).await;

    // Another tab finds the waiting deletion, and cannot send it either.
    let second = browser.opens_tab().await;
    browser.visit("/lists/tabs").await;
    browser.shows(ITEMS, &[]).await;
    browser.is_cut_off().await;
    // The response to its earlier attempt arrives then.
    browser.becomes("tries > 0", true).await;

    browser.turns_to(&first).await;
    browser.click(".undo button").await;
    browser.shows(ITEMS, &["stays"]).await;
    stage.system.broker().restart().await.unwrap();
    browser.becomes(KEPT, 0).await;
    browser.turns_to(&second).await;
    browser.is_back().await;
    browser.shows(ITEMS, &["stays"]).await;
    browser.enters("new").await;
    for tab in [&second, &first] {
        browser.turns_to(tab).await;
        browser.becomes(MOVING, 0).await;
        browser.shows(ITEMS, &["stays", "new"]).await;
    }
    stage.has_saved("stays, new").await;
    browser.close().await;
}

#[tokio::test]
async fn of_two_tabs_that_change_the_same_the_later_counts_whichever_is_heard_first() {
    let stage = Stage::start(&[]).await;
    let browser = stage.browser((1280, 900)).await;
    browser.visit("/lists/tabs").await;
    browser.enters("item").await;
    browser.becomes(MOVING, 0).await;
    let first = browser.tab().await;
    let second = browser.opens_tab().await;
    browser.visit("/lists/tabs").await;
    browser.is_cut_off().await;
    browser.click(".toggle").await;
    browser.becomes("tries > 0", true).await;

    browser.turns_to(&first).await;
    for done in [&["item"][..], &[]] {
        browser.click(".toggle").await;
        browser.shows(".completed", done).await;
    }
    browser.becomes(KEPT, 0).await;
    browser.becomes(MOVING, 0).await;
    browser.turns_to(&second).await;
    browser.is_back().await;
    browser.shows(".completed", &[]).await;
    browser.click(".new-todo").await;
    browser.enters("new").await;
    browser.becomes(MOVING, 0).await;
    browser.shows(".completed", &[]).await;
    stage.has_saved("item, new").await;
    browser.close().await;
}
