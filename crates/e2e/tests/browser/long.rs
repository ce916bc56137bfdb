//! A list of which a page shows a part.

use crate::stage::Stage;

const COUNT: &str = "document.querySelector('.todo-count').textContent";
const SHOWN: &str = "document.querySelectorAll('.todo-list li').length";

/// Items as if they had been there for long.
const MANY: &str = r#"insert into items (item_id, created_position, list, added_at, item, "order",
        completed, deleted, version, changed)
    select gen_random_uuid(), n, 'long', now(), 'item ' || n, n, false, false, 1, true
    from generate_series(1, 120) as n"#;

#[tokio::test]
async fn of_a_long_list_the_end_is_shown_and_all_of_it_is_counted_and_changed() {
    let stage = Stage::start(&[]).await;
    stage.system.sql(MANY).await.unwrap();
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
    browser
        .becomes("document.querySelectorAll('.saving').length", 0)
        .await;

    browser.click(".filters li:nth-child(3) a").await;
    browser.shows(".todo-list li", &["the last"]).await;
    browser.becomes(COUNT, "120 items left").await;
    browser.back().await;
    browser.becomes(SHOWN, 100).await;

    // The server changes those that are not shown, too.
    browser.click(".toggle-all").await;
    browser.becomes(COUNT, "0 items left").await;
    browser.click(".clear-completed").await;
    browser
        .becomes("document.querySelector('.main').hidden", true)
        .await;
    browser.close().await;
}
