//! A page that is left, and that a person comes back to by the back button: some browsers keep it as it was, and
//! others load it anew.

use testkit::eventually;

use crate::{
    browser::Browser,
    stage::{SOON, Stage},
};

const ITEMS: &str = ".todo-list li";

/// Tells if the page is the one that was left.
const IS_KEPT: &str = "window.isLeft === true";

impl Browser {
    /// Leaves the page; who comes back can tell if it was kept.
    async fn leaves(&self) {
        self.value("window.isLeft = true").await;
        self.visit("/lists").await;
    }
}

/// Leaves a list and comes back to it, and then the page of the system.
async fn who_comes_back(stage: &Stage, browser: &Browser, is_kept: bool) {
    browser.visit("/lists/left").await;
    stage.has_streams("1").await;
    let before = browser.texts(ITEMS).await;
    browser.leaves().await;
    stage.has_streams("0").await;
    stage.adds("left", "meanwhile").await;
    browser.back().await;
    browser.becomes(IS_KEPT, is_kept).await;
    let mut items: Vec<_> = before.iter().map(String::as_str).collect();
    for item in ["meanwhile", "now"] {
        items.push(item);
        browser.shows(ITEMS, &items).await;
        stage.has_streams("1").await;
        if item == "meanwhile" {
            stage.adds("left", "now").await;
        }
    }

    browser.visit("/system").await;
    let online = "!document.querySelector('[data-online]').hidden";
    browser.becomes(online, true).await;
    let picture = "document.querySelector('[data-system]')";
    browser.value(&format!("{picture}.textContent = ''")).await;
    browser.leaves().await;
    browser.back().await;
    browser.becomes(IS_KEPT, is_kept).await;
    browser
        .becomes(
            &format!("{picture}.textContent.includes('save-handler')"),
            true,
        )
        .await;
    browser.becomes(online, true).await;
}

#[tokio::test]
async fn a_page_that_is_left_lets_go_of_its_stream_and_gets_it_again_with_what_it_missed() {
    let stage = Stage::start(&[]).await;
    let browser = stage.browser((1280, 900)).await;
    who_comes_back(&stage, &browser, true).await;
    // For the sake of such a script no browser keeps a page.
    browser
        .runs_first("addEventListener('unload', () => {})")
        .await;
    who_comes_back(&stage, &browser, false).await;
    browser.close().await;
}

#[tokio::test]
async fn the_other_tab_hears_on_when_the_one_that_listened_leaves_its_page_and_comes_back() {
    let stage = Stage::start(&[]).await;
    let browser = stage.browser((1280, 900)).await;
    browser.visit("/lists/stays").await;
    let stays = browser.tab().await;
    let leaves = browser.opens_tab().await;
    browser.visit("/lists/leaves").await;
    stage.adds("leaves", "one").await;
    browser.shows(ITEMS, &["one"]).await;
    browser.leaves().await;
    browser.turns_to(&stays).await;
    stage.adds("stays", "two").await;
    browser.shows(ITEMS, &["two"]).await;
    stage.has_streams("1").await;
    browser.turns_to(&leaves).await;
    stage.adds("leaves", "three").await;
    browser.back().await;
    browser.shows(ITEMS, &["one", "three"]).await;
    stage.adds("leaves", "four").await;
    browser.shows(ITEMS, &["one", "three", "four"]).await;
    browser.turns_to(&stays).await;
    stage.adds("stays", "five").await;
    browser.shows(ITEMS, &["two", "five"]).await;
    stage.has_streams("1").await;
    browser.close().await;
}

#[tokio::test]
async fn without_a_script_a_form_that_was_sent_and_is_gone_back_to_adds_another_text_as_well() {
    let stage = Stage::start(&[]).await;
    let browser = stage.plain_browser((1280, 900)).await;
    browser.visit("/lists/again").await;
    for item in ["one", "two"] {
        browser
            .value("document.querySelector('.new-todo').select()")
            .await;
        browser.enters(item).await;
        browser
            .becomes("location.search.startsWith('?accepted=')", true)
            .await;
        browser.back().await;
        browser.becomes("location.search", "").await;
    }
    eventually("both are saved", SOON, async || {
        browser.visit("/lists/again").await;
        let found = browser.texts(ITEMS).await;
        if found == ["one", "two"] {
            Ok(())
        } else {
            Err(found)
        }
    })
    .await;
    browser.close().await;
}
