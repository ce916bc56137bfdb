//! Server-sent events of the lists.

use std::time::Duration;

use axum::{
    Router,
    body::{Body, BodyDataStream},
    http::{Request, StatusCode},
};
use futures_util::StreamExt;
use service::http::push;
use testkit::eventually;
use tokio::time::timeout;
use tower::ServiceExt;

use crate::app::TestApp;

const SOON: Duration = Duration::from_secs(10);

/// A browser's end of the stream.
struct Browser {
    body: BodyDataStream,
    text: String,
    id: String,
}

impl Browser {
    async fn open(router: &Router, path: &str, last_id: Option<&str>) -> Self {
        let mut request = Request::get(path);
        if let Some(id) = last_id {
            request = request.header("Last-Event-ID", id);
        }
        let request = request.body(Body::empty()).unwrap();
        let answer = router.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        assert_eq!(answer.headers()["cache-control"], "no-cache, no-transform");
        assert_eq!(answer.headers()["x-accel-buffering"], "no");
        let mut browser = Self {
            body: answer.into_body().into_data_stream(),
            text: String::new(),
            id: String::new(),
        };
        browser.more().await.unwrap();
        browser
    }

    /// Reads on; nothing when the stream has ended.
    async fn more(&mut self) -> Option<()> {
        let piece = timeout(SOON, self.body.next()).await.unwrap()?.unwrap();
        self.text.push_str(std::str::from_utf8(&piece).unwrap());
        Some(())
    }

    /// The next event: its name, and the item's text if it has one.
    async fn next(&mut self) -> Option<(String, String)> {
        loop {
            while !self.text.contains("\n\n") {
                self.more().await?;
            }
            let (block, rest) = self.text.split_once("\n\n").unwrap();
            let (block, rest) = (block.to_owned(), rest.to_owned());
            self.text = rest;
            let field = |name: &str| {
                let line = block.lines().find_map(|line| line.strip_prefix(name));
                line.map(|value| value.trim().to_owned())
            };
            self.id = field("id:").unwrap_or(self.id.clone());
            if let Some(data) = field("data:") {
                let data: serde_json::Value = serde_json::from_str(&data).unwrap();
                let item = data["item"].as_str().unwrap_or_default().to_owned();
                return Some((field("event:").unwrap(), item));
            }
        }
    }

    async fn hears(&mut self, event: &str, item: &str) {
        let heard = self.next().await;
        assert_eq!(heard, Some((event.to_owned(), item.to_owned())));
    }
}

/// An app whose hub has begun.
async fn app() -> TestApp {
    let app = TestApp::start().await;
    app.announce("default", "the first").await;
    eventually("the hub works", SOON, async || {
        let mut browser = Browser::open(&app.router, "/live?after=0", None).await;
        let heard = timeout(Duration::from_millis(300), browser.next()).await;
        matches!(heard, Ok(Some((event, _))) if event == "saved")
    })
    .await;
    app
}

#[tokio::test]
async fn a_browser_hears_of_each_change_of_its_list_and_of_no_other() {
    let app = app().await;
    let mut own = Browser::open(&app.router, "/live", None).await;
    let mut other = Browser::open(&app.router, "/live?list=errands", None).await;
    let sequence = app.announce("default", "buy milk").await;
    app.announce("errands", "post the letter").await;
    app.announce("default", "water the plants").await;
    own.hears("saved", "buy milk").await;
    assert_eq!(own.id, sequence.to_string());
    own.hears("saved", "water the plants").await;
    other.hears("saved", "post the letter").await;
}

#[tokio::test]
async fn a_browser_that_comes_back_gets_what_it_missed_once_and_in_order() {
    let app = app().await;
    let mut browser = Browser::open(&app.router, "/live", None).await;
    app.announce("default", "seen").await;
    browser.hears("saved", "seen").await;
    let id = browser.id.clone();
    drop(browser);
    for item in ["one", "two"] {
        app.announce("default", item).await;
    }
    app.announce("errands", "another list's").await;
    let mut reloaded = Browser::open(&app.router, &format!("/live?after={id}"), None).await;
    // The header wins: after a reconnect, the address is as old as the page.
    let mut back = Browser::open(&app.router, "/live?after=0", Some(&id)).await;
    // Another process has nothing in memory, and asks the stream.
    let elsewhere = app.another().await;
    let mut elsewhere = Browser::open(&elsewhere, "/live", Some(&id)).await;
    app.announce("default", "three").await;
    for browser in [&mut reloaded, &mut back, &mut elsewhere] {
        for item in ["one", "two", "three"] {
            browser.hears("saved", item).await;
        }
    }
}

#[tokio::test]
async fn what_cannot_be_continued_is_reset_once_and_then_goes_on() {
    let app = app().await;
    let mut witness = Browser::open(&app.router, "/live", None).await;
    let last = app.announce("default", "before").await;
    witness.hears("saved", "before").await;
    for id in ["99999", "nonsense"] {
        let mut browser = Browser::open(&app.router, "/live", Some(id)).await;
        browser.hears("reset", "").await;
        assert_eq!(browser.id, last.to_string());
    }
    let mut browser = Browser::open(&app.router, "/live", Some("nonsense")).await;
    browser.hears("reset", "").await;
    app.announce("default", "after").await;
    browser.hears("saved", "after").await;
}

#[tokio::test]
async fn a_browser_that_reads_too_slowly_is_reset_and_then_goes_on() {
    let app = app().await;
    let mut slow = Browser::open(&app.router, "/live", None).await;
    let mut quick = Browser::open(&app.router, "/live", None).await;
    for n in 0..300 {
        app.announce("default", &format!("item {n}")).await;
        quick.hears("saved", &format!("item {n}")).await;
    }
    slow.hears("reset", "").await;
    assert_eq!(slow.id, quick.id);
    app.announce("default", "the next").await;
    slow.hears("saved", "the next").await;
}

#[tokio::test]
async fn streams_end_at_the_stop() {
    let app = app().await;
    let mut browser = Browser::open(&app.router, "/live", None).await;
    app.stop.cancel();
    assert_eq!(browser.next().await, None);
}

#[tokio::test]
async fn one_stream_tells_of_several_lists_in_order_and_goes_on_in_all_of_them() {
    let app = app().await;
    let both = "/live?list=errands&list=%EC%9D%BC";
    let mut browser = Browser::open(&app.router, both, None).await;
    let tell = async |lists: &[&str]| {
        for list in lists {
            app.announce(list, &format!("of {list}")).await;
        }
    };
    tell(&["errands", "default", "일", "errands"]).await;
    for list in ["errands", "일", "errands"] {
        browser.hears("saved", &format!("of {list}")).await;
    }
    let id = browser.id.clone();
    drop(browser);
    tell(&["일", "default", "errands"]).await;
    let elsewhere = app.another().await;
    for router in [&app.router, &elsewhere] {
        let path = format!("{both}&after={id}");
        let mut back = Browser::open(router, &path, None).await;
        for list in ["일", "errands"] {
            back.hears("saved", &format!("of {list}")).await;
        }
    }
}

#[tokio::test]
async fn a_browser_that_hears_no_news_hears_that_all_is_well_and_up_to_where() {
    let app = app().await;
    let mut browser = Browser::open(&app.router, "/live?list=quiet", None).await;
    let last = app.announce("default", "of another list").await;
    let limit = push::KEEP_ALIVE + SOON;
    let beat = timeout(limit, async {
        loop {
            let heard = browser.body.next().await.unwrap().unwrap();
            let heard = std::str::from_utf8(&heard).unwrap().to_owned();
            if heard.contains("event:") {
                return heard;
            }
        }
    });
    let beat = beat.await.unwrap();
    assert_eq!(beat, format!("id: {last}\nevent: beat\ndata: {{}}\n\n"));
}

#[tokio::test]
async fn a_list_that_cannot_be_is_refused_and_so_are_too_many() {
    let app = app().await;
    let asks = async |count: usize| {
        let lists: Vec<_> = (0..count).map(|list| format!("list=l{list}")).collect();
        let path = format!("/live?{}", lists.join("&"));
        let request = Request::get(path).body(Body::empty()).unwrap();
        let answer = app.router.clone().oneshot(request).await.unwrap();
        answer.status()
    };
    assert_eq!(asks(32).await, StatusCode::OK);
    assert_eq!(asks(33).await, StatusCode::BAD_REQUEST);
    let answer = app.visit("/live?list=a&list=%20").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}
