//! Several browsers on one list.

use crate::stage::Stage;

const TEXTS: &str = ".items .text";

#[tokio::test]
async fn browsers_see_what_the_others_do_and_what_they_missed_while_they_were_cut_off() {
    let stage = Stage::start(&[]).await;
    let (here, mut there) = tokio::join!(stage.browser((1280, 900)), stage.browser((390, 844)));
    there.home = stage.linked();
    tokio::join!(here.visit("/"), there.visit("/"));

    here.click("#item").await;
    here.enters("buy milk").await;
    here.shows(TEXTS, &["buy milk"]).await;
    there.shows(TEXTS, &["buy milk"]).await;
    here.becomes("document.querySelectorAll('.saving').length", 0)
        .await;
    there.picture("home-phone-light").await;
    here.picture("home-wide-light").await;

    stage.link.cut().await;
    there
        .becomes("document.querySelector('[data-offline]').hidden", false)
        .await;
    here.click(".tick button").await;
    here.becomes("document.querySelectorAll('.completed').length", 1)
        .await;
    here.click("#item").await;
    here.enters("water the plants").await;
    stage.link.restore().await;
    there.shows(TEXTS, &["buy milk", "water the plants"]).await;
    there
        .becomes("document.querySelectorAll('.completed').length", 1)
        .await;
    there
        .becomes("document.querySelector('[data-offline]').hidden", true)
        .await;
    tokio::join!(here.close(), there.close());
}
