//! What waits to be sent: the browser keeps it, and all of its tabs can see it.

use crate::{browser::Browser, stage::Stage};

const ITEMS: &str = ".todo-list li";
const KEPT: &str = "Object.keys(localStorage).length";
const MOVING: &str = "document.querySelectorAll('.saving, .waiting').length";

impl Browser {
    /// Has this tab get no answer from now on, and count the changes that it tries to send.
    async fn is_cut_off(&self) {
        let cut = "tries = 0, original = fetch, \
            fetch = async (address, change) => { if (change) tries++; throw Error('cut off'); }, 0";
        self.value(cut).await;
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
