//! Many changes at once, in a tab that has the list open.

use std::time::Duration;

use serde_json::json;
use testkit::eventually;

use crate::{browser::Browser, stage::Stage};

const COUNT: &str = "document.querySelector('.todo-count').textContent";
const SHOWN: &str = "document.querySelectorAll('.todo-list li').length";

/// Time within which all changes must be shown, on a machine with other load.
const CALM: Duration = Duration::from_mins(2);

/// Longest task of the page's script (milliseconds), during which it does not respond to input. The goal
/// is 200 on an idle machine; here servers and other tests share the processors with it.
const LONGEST: f64 = 400.0;

impl Browser {
    /// Measures the page's longest task and its greatest number of rows from now on.
    async fn is_timed(&self) {
        let timed = "(longest = most = 0, \
            new PerformanceObserver((list) => list.getEntries().forEach(({ duration }) => \
                longest = Math.max(longest, duration))).observe({ type: 'longtask' }), \
            new MutationObserver(() => most = Math.max(most, \
                document.querySelectorAll('.todo-list li').length)).observe( \
                document.querySelector('.todo-list'), { childList: true }), 0)";
        self.value(timed).await;
    }

    async fn ends_with(&self, count: &str) {
        eventually(count, CALM, async || {
            let found = self.value(COUNT).await;
            if found == json!(count) {
                Ok(())
            } else {
                Err(found)
            }
        })
        .await;
    }

    /// Checks that no task was too long, and that there were few rows.
    async fn was_usable(&self, what: &str) {
        let longest = self.value("longest").await.as_f64().unwrap();
        let most = self.value("most").await.as_u64().unwrap();
        println!("{what}: busy for {longest} ms at most, with up to {most} rows");
        assert!(longest < LONGEST, "{what}: {longest} ms");
        assert!(most <= 300, "{what}: {most} rows");
    }
}

#[tokio::test]
async fn an_import_of_two_thousand_items_leaves_a_tab_usable() {
    let stage = Stage::start(&["todo-api"]).await;
    let browser = stage.browser((1280, 900)).await;
    browser.visit("/lists/import").await;
    browser.is_timed().await;
    let items =
        (1..=2000).map(|number| json!({ "item": format!("item {number}"), "list": "import" }));
    let items: Vec<_> = items.collect();
    let batch = format!(
        "{}/todo/batch",
        stage.system.api().unwrap().trim_end_matches('/')
    );
    for part in items.chunks(500) {
        let answer = testkit::http::post_json(&batch, &json!(part))
            .await
            .unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    browser.ends_with("2000 items left").await;
    browser.was_usable("import").await;
    let last = ".todo-list li:last-child";
    browser.shows(last, &["item 2000"]).await;
    browser.close().await;
}

#[tokio::test]
async fn five_thousand_items_marked_as_done_leave_a_tab_usable() {
    let stage = Stage::start(&[]).await;
    stage.has_many("storm", 5000, "false").await;
    let browser = stage.browser((1280, 900)).await;
    browser.visit("/lists/storm").await;
    browser.becomes(COUNT, "5000 items left").await;
    browser.is_timed().await;
    let complete = format!("{}/lists/storm/complete", stage.web());
    let answer = testkit::http::post_form(&complete, &[("list", "storm")]).await;
    assert_eq!(answer.unwrap().status, 303);
    browser.ends_with("0 items left").await;
    browser.was_usable("mark all").await;
    browser.becomes(SHOWN, 100).await;
    browser.close().await;
}

#[tokio::test]
async fn what_somebody_else_changes_in_a_long_list_does_not_make_the_page_longer() {
    let stage = Stage::start(&[]).await;
    stage.has_many("longer", 190, "false").await;
    let browser = stage.browser((1280, 900)).await;
    browser.visit("/lists/longer?show=active").await;
    browser.becomes(SHOWN, 100).await;
    browser.is_timed().await;
    let complete = format!("{}/lists/longer/complete", stage.web());
    let answer = testkit::http::post_form(&complete, &[("list", "longer")]).await;
    assert_eq!(answer.unwrap().status, 303);
    browser.ends_with("0 items left").await;
    browser.becomes(SHOWN, 0).await;
    browser.was_usable("a few").await;
    browser.close().await;
}
