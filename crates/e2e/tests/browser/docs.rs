//! The API's documentation page, which describes its operations and can send them.

use testkit::http;

use crate::{access::Checks, stage::Stage};

/// Returns JavaScript that fills in a field of an operation.
fn fill(field: &str, value: &str) -> String {
    format!("(document.getElementById('{field}').value = {value:?}, true)")
}

#[tokio::test]
async fn the_page_of_the_api_shows_every_operation_and_sends_what_one_tries() {
    let stage = Stage::start(&["todo-api"]).await;
    let mut browser = stage.browser((1280, 900)).await;
    browser.home = stage.system.api().unwrap().trim_end_matches('/').to_owned();
    browser.visit("/docs").await;
    let operations = "document.querySelectorAll('.operation').length";
    let document = http::get(&format!("{}/openapi.json", browser.home)).await;
    let document = document.unwrap().json().unwrap();
    let paths = document["paths"].as_object().unwrap().values();
    let documented: usize = paths.map(|path| path.as_object().unwrap().len()).sum();
    browser.becomes(operations, documented).await;
    assert_eq!(
        browser
            .value("document.getElementById('access').hidden")
            .await,
        true
    );

    browser.click("#addItem > summary").await;
    browser
        .value(&fill("addItem-header-Prefer", "wait=20"))
        .await;
    browser
        .value(&fill("addItem-body", "{\"item\":\"<b>우유</b>\"}"))
        .await;
    browser.click("#addItem button").await;
    let answer = "document.querySelector('#addItem output').textContent";
    browser
        .becomes(&format!("{answer}.includes('201 Created')"), true)
        .await;
    browser
        .becomes(&format!("{answer}.includes('<b>우유</b>')"), true)
        .await;
    let mut checks = Checks::of(browser);
    checks.check("docs").await;
    checks.end().await;
}
