//! `GET /system` and `GET /system/live`

use std::time::{Duration, Instant};

use axum::{
    Router,
    body::{Body, BodyDataStream},
    http::{Request, StatusCode},
};
use bus::{Bus, Delivery};
use events::TodoEvent;
use futures_util::StreamExt;
use testkit::eventually;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::app::{Answer, TestApp};

const SOON: Duration = Duration::from_secs(10);

/// The longest that the page takes, even if members, broker or database do not answer.
const PROMISE: Duration = Duration::from_secs(1);

/// The cells of the row of a group or a member, without their markup.
fn row(page: &str, name: &str) -> Option<Vec<String>> {
    let (_, row) = page.split_once(&format!("<th scope=\"row\">{name}</th>"))?;
    let cells = row.split("</tr>").next()?.split("<td>").skip(1);
    let text = |cell: &str| {
        let parts = cell
            .split('<')
            .map(|part| part.split_once('>').map_or(part, |(_, text)| text));
        parts.collect::<String>().trim().to_owned()
    };
    Some(cells.map(text).collect())
}

/// Waits until the page has such a row.
async fn shows(app: &TestApp, name: &str, look: impl Fn(&[String]) -> bool) -> Answer {
    eventually(&format!("{name} is as expected"), SOON, async || {
        let page = app.visit("/system").await;
        match row(&page.body, name) {
            Some(cells) if look(&cells) => Ok(page),
            _ => Err(page.body),
        }
    })
    .await
}

/// Joins a group, handles all waiting events, and leaves.
async fn handle_all(member: &Bus, group: &str, app: &TestApp) {
    let stop = CancellationToken::new();
    let handle = async |_: &Delivery<TodoEvent>| Ok(());
    let handling = member.group(group, events::ALL_SUBJECTS);
    tokio::select! {
        ended = handling.each(stop.clone(), handle) => panic!("{ended:?}"),
        _ = shows(app, group, |cells| cells[2] == "0" && cells[3] == "0") => {}
    }
}

/// A browser that watches.
struct Viewer {
    body: BodyDataStream,
    text: String,
}

impl Viewer {
    async fn open(router: &Router) -> Self {
        let request = Request::get("/system/live").body(Body::empty()).unwrap();
        let answer = router.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        Self {
            body: answer.into_body().into_data_stream(),
            text: String::new(),
        }
    }

    /// The next picture; nothing when the stream has ended.
    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                if let Some(data) = event.strip_prefix("event: picture\ndata: ") {
                    return Some(data.replace("\ndata: ", "\n"));
                }
                continue;
            }
            let piece = timeout(SOON, self.body.next()).await.unwrap()?.unwrap();
            self.text.push_str(std::str::from_utf8(&piece).unwrap());
        }
    }

    async fn sees(&mut self, name: &str, look: impl Fn(&[String]) -> bool) {
        let seeing = async {
            while !row(&self.next().await.unwrap(), name).is_some_and(|cells| look(&cells)) {}
        };
        assert!(timeout(SOON, seeing).await.is_ok(), "{name}");
    }
}

#[tokio::test]
async fn the_page_can_be_read_without_a_script_and_in_either_language() {
    let mut app = TestApp::start().await;
    let _member = app.member("<b>mail</b>", "mail-1").await;
    let page = shows(&app, "mail-1", |_| true).await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(page.has("<h2>Live flow</h2>") && page.has("As of 20"));
    assert!(page.has("All 3 members answer."), "{}", page.body);
    assert!(page.has("&#60;b&#62;mail") && !page.has("<b>mail"));
    assert!(!page.has("style=") && !page.has("<style") && !page.has(" onload"));
    for layout in ["wide", "tall"] {
        assert!(page.has(&format!(
            "class=\"flow {layout}\" role=\"img\" aria-label=\"The flow"
        )));
    }
    // It publishes, though it has published nothing yet.
    assert!(page.has("class=\"arrow\""));
    assert_eq!(row(&page.body, "todo-web-1").unwrap()[0], "answers");
    app.language = "ko";
    let page = app.visit("/system").await;
    assert!(page.has("<h2>시스템 현황</h2>") && page.has("멤버 3개가 모두 응답하고 있어요."));
    assert!(
        app.visit("/")
            .await
            .has("<a href=\"/system\">시스템 현황</a>")
    );
}

#[tokio::test]
async fn what_waits_for_a_group_is_shown_while_nobody_of_it_is_there_and_until_it_is_handled() {
    let app = TestApp::start().await;
    let member = app.member("mail", "mail-1").await;
    handle_all(&member, "mail", &app).await;
    for item in ["one", "two"] {
        app.add(item).await;
    }
    let page = shows(&app, "mail", |cells| cells[2] == "2").await;
    assert!(page.has("2 events stored"), "{}", page.body);
    shows(&app, "mail", |cells| cells[4].ends_with(" s")).await;
    handle_all(&member, "mail", &app).await;
    // The member reports the number of handled events.
    shows(&app, "mail-1", |cells| cells[2].starts_with('2')).await;
}

#[tokio::test]
async fn a_member_that_goes_is_shown_as_missing_and_keeps_no_visitor_waiting() {
    let app = TestApp::start().await;
    let member = app.member("mail", "mail-1").await;
    shows(&app, "mail-1", |cells| cells[0] == "answers").await;
    member.close().await;
    let page = shows(&app, "mail-1", |cells| cells[0] == "no answer").await;
    assert!(page.has("mail-1 does not answer."), "{}", page.body);
    eventually("it is in time", SOON, async || {
        let start = Instant::now();
        app.visit("/system").await;
        start.elapsed() < PROMISE
    })
    .await;
    let _back = app.member("mail", "mail-1").await;
    shows(&app, "mail-1", |cells| cells[0] == "answers").await;
}

#[tokio::test]
async fn a_broker_that_is_away_or_stuck_and_a_database_that_is_away_are_told_of_in_time() {
    let app = TestApp::start().await;
    shows(&app, "todo-web-1", |_| true).await;
    let told = async |what: &str| {
        eventually(what, SOON, async || {
            let start = Instant::now();
            let page = app.visit("/system").await;
            let took = start.elapsed();
            if page.has(what) && page.status == StatusCode::OK && took < PROMISE {
                Ok(())
            } else {
                Err((took, page.body))
            }
        })
        .await;
    };
    app.broker.stall();
    told("The broker did not say in time").await;
    app.broker.restore().await;
    app.broker.cut().await;
    told("The broker cannot be reached").await;
    app.broker.restore().await;
    app.database.cut().await;
    told("The database cannot be reached").await;
    app.database.restore().await;
    told("All 2 members answer.").await;
}

#[tokio::test]
async fn who_watches_sees_what_changes_and_a_slow_one_sees_the_newest() {
    let app = TestApp::start().await;
    let member = app.member("mail", "mail-1").await;
    handle_all(&member, "mail", &app).await;
    let mut slow = Viewer::open(&app.router).await;
    slow.sees("mail", |cells| cells[2] == "0").await;
    let mut quick = Viewer::open(&app.router).await;
    for waiting in ["1", "2", "3"] {
        app.add("more").await;
        quick.sees("mail", |cells| cells[2] == waiting).await;
    }
    let next = slow.next().await.unwrap();
    assert_eq!(row(&next, "mail").unwrap()[2], "3", "{next}");

    let newcomer = app.member("audit", "audit-1").await;
    quick.sees("audit-1", |cells| cells[0] == "answers").await;
    drop(newcomer);
    quick.sees("audit-1", |cells| cells[0] == "no answer").await;
    app.stop.cancel();
    while quick.next().await.is_some() {}
}
