//! The page of the whole system.

use serde_json::json;
use testkit::eventually;

use crate::{live::SILENCE, stage::Stage};

#[tokio::test]
async fn the_page_of_the_system_shows_the_flow_and_keeps_itself_up_to_date() {
    let mut stage = Stage::start(&[]).await;
    let browser = stage.browser((1280, 900)).await;
    browser.visit("/system").await;
    browser
        .becomes("document.querySelector('[data-online]').hidden", false)
        .await;
    let rows = "[...document.querySelectorAll('th[scope=row]')].map((it) => it.textContent)";
    let has = |name: &str| format!("{rows}.includes('{name}')");
    browser.becomes(&has("save-handler-1"), true).await;
    for scheme in ["light", "dark"] {
        browser.prefers(scheme).await;
        browser.picture(&format!("system-wide-{scheme}")).await;
    }
    let newcomer = stage.system.add_member("save-handler").await.unwrap();
    browser.becomes(&has(&newcomer), true).await;
    browser.close().await;
}

#[tokio::test]
async fn the_page_of_the_system_says_that_it_hears_nothing_and_goes_on_when_it_does() {
    let stage = Stage::start(&[]).await;
    let mut browser = stage.browser((1280, 900)).await;
    browser.home = stage.linked();
    browser.visit("/system").await;
    let online = "!document.querySelector('[data-online]').hidden";
    browser.becomes(online, true).await;
    stage.link.stall();
    eventually("it is told", SILENCE, async || {
        browser.value(online).await == json!(false)
    })
    .await;
    stage.link.restore().await;
    browser.becomes(online, true).await;
    browser.close().await;
}
