//! A browser that runs no scripts.

use crate::stage::Stage;

#[tokio::test]
async fn without_a_script_forms_do_the_same() {
    let stage = Stage::start(&[]).await;
    let browser = stage.plain_browser((1280, 900)).await;
    browser.visit("/").await;
    browser.click("#item").await;
    browser.enters("buy milk").await;
    browser
        .becomes("location.search.startsWith('?accepted=')", true)
        .await;
    testkit::eventually("it is saved", crate::stage::SOON, async || {
        browser.visit("/").await;
        browser
            .value("document.querySelectorAll('.items .text').length")
            .await
            == 1
    })
    .await;
    browser.click(".tick button").await;
    browser
        .becomes("location.search.startsWith('?changed=')", true)
        .await;
    testkit::eventually("it is done", crate::stage::SOON, async || {
        browser.visit("/").await;
        browser
            .value("document.querySelectorAll('.completed').length")
            .await
            == 1
    })
    .await;
    browser.close().await;
}
