//! A browser without JavaScript.

use testkit::eventually;

use crate::{
    browser::Browser,
    stage::{SOON, Stage},
};

const ITEMS: &str = ".todo-list li";

impl Browser {
    /// Reloads the list until it shows these items, with these of them completed.
    async fn finds(&self, items: &[&str], done: &[&str]) {
        eventually(&format!("{items:?}, {done:?}"), SOON, async || {
            self.visit("/lists/plain").await;
            let found = (self.texts(ITEMS).await, self.texts(".completed").await);
            if found.0 == items && found.1 == done {
                Ok(())
            } else {
                Err(found)
            }
        })
        .await;
    }

    async fn is_at(&self, start: &str) {
        let expression = format!("(location.pathname + location.search).startsWith({start:?})");
        self.becomes(&expression, true).await;
    }
}

#[tokio::test]
async fn without_a_script_forms_do_the_same() {
    let stage = Stage::start(&[]).await;
    let browser = stage.plain_browser((390, 844)).await;
    browser.visit("/").await;
    browser.click("#name").await;
    browser.enters("plain").await;
    browser.is_at("/lists/plain").await;
    for item in ["one", "two", "three"] {
        browser.click(".new-todo").await;
        browser.enters(item).await;
        browser.is_at("/lists/plain?accepted=").await;
    }
    browser.finds(&["one", "two", "three"], &[]).await;
    browser.picture("plain-phone-light").await;

    browser.click("li:nth-child(2) .tick").await;
    browser.is_at("/lists/plain?changed=").await;
    browser.finds(&["one", "two", "three"], &["two"]).await;
    browser.click("li:nth-child(1) .down").await;
    browser.finds(&["two", "one", "three"], &["two"]).await;
    browser.click("li:nth-child(3) .change").await;
    browser.click("#item").await;
    browser.enters(" and a half").await;
    browser
        .finds(&["two", "one", "three and a half"], &["two"])
        .await;

    browser.click(".filters li:nth-child(2) a").await;
    browser.shows(ITEMS, &["one", "three and a half"]).await;
    browser.click("li:nth-child(1) .destroy").await;
    browser.is_at("/lists/plain?show=active&deleted=").await;
    browser.click(".notice button").await;
    browser.is_at("/lists/plain?show=active&changed=").await;
    browser
        .finds(&["two", "one", "three and a half"], &["two"])
        .await;

    browser.click(".clear-completed").await;
    browser.finds(&["one", "three and a half"], &[]).await;
    browser.click(".each .tick").await;
    let all = ["one", "three and a half"];
    browser.finds(&all, &all).await;
    browser.click(".each .tick").await;
    browser.finds(&all, &[]).await;
    browser.close().await;
}
