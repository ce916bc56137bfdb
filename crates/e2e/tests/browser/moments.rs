//! Times, shown by the user's clock.

use serde_json::json;

use crate::{browser::Browser, stage::Stage};

const ID: &str = "01890000-0000-7000-8000-000000000001";
const TIME: &str = "document.querySelector('time')";

impl Stage {
    /// Adds an item with a time at which it was the next day in Seoul already.
    async fn has_an_old_item(&self) {
        let old = format!(
            r#"insert into items (item_id, created_position, list, added_at, item, "order",
                completed, deleted, version, changed)
            values ('{ID}', 1, 'default', '2026-01-24T23:00:00Z', 'old', 1, false, false, 1, true)"#
        );
        self.system.sql(&old).await.unwrap();
    }
}

impl Browser {
    async fn is_in(&self, zone: &str) {
        self.devtools(
            "Emulation.setTimezoneOverride",
            json!({ "timezoneId": zone }),
        )
        .await;
    }

    async fn tells(&self, text: &str) {
        self.becomes(&format!("{TIME}.textContent.replace(/\\s/g, ' ')"), text)
            .await;
    }
}

#[tokio::test]
async fn a_date_is_that_of_the_visitor_and_without_a_script_it_names_its_zone() {
    let stage = Stage::start(&[]).await;
    stage.has_an_old_item().await;
    let page = format!("/items/{ID}");
    let browser = stage.browser((1280, 900)).await;
    for (zone, told) in [
        ("Asia/Seoul", "January 25, 2026 at 8:00 AM"),
        ("America/Lima", "January 24, 2026 at 6:00 PM"),
    ] {
        browser.is_in(zone).await;
        browser.visit(&page).await;
        browser.tells(told).await;
    }
    browser.is_in("Asia/Seoul").await;
    browser.speaks("ko").await;
    browser.visit(&page).await;
    browser.tells("2026년 1월 25일 오전 8:00").await;

    browser.visit("/system").await;
    let live = "!document.querySelector('[data-online]').hidden";
    browser.becomes(live, true).await;
    // An item from the event stream is shown in the same way: the zone is in the exact time.
    let zone = format!("{TIME}.title.includes('GMT+9')");
    browser.becomes(&zone, true).await;
    browser.close().await;

    let plain = stage.plain_browser((1280, 900)).await;
    plain.visit(&page).await;
    assert_eq!(plain.texts("time").await, ["24 January 2026, 23:00:00 UTC"]);
    plain.close().await;
}
