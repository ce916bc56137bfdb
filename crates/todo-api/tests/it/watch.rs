//! `GET /todo/events`

use std::time::Duration;

use axum::{
    body::{Body, BodyDataStream},
    http::{Request, StatusCode, header},
};
use events::{Envelope, ItemSaved, ListName};
use futures_util::StreamExt;
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::{
    task::yield_now,
    time::{advance, pause, resume, timeout},
};
use uuid::Uuid;

use crate::app::TestApp;

const SOON: Duration = Duration::from_secs(10);

/// A subscriber.
struct Program {
    body: BodyDataStream,
    text: String,
    id: String,
}

impl Program {
    async fn open(app: &TestApp, path: &str, last_id: Option<&str>) -> Self {
        let mut request = Request::get(path);
        if let Some(id) = last_id {
            request = request.header("Last-Event-ID", id);
        }
        let request = request.body(Body::empty()).unwrap();
        let answer = app.open(request).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()[header::CONTENT_TYPE], "text/event-stream");
        let body = answer.into_body().into_data_stream();
        let (text, id) = (String::new(), String::new());
        Self { body, text, id }
    }

    /// The next event: its name and its data; nothing when the stream has ended.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
                if let Some(id) = field("id: ") {
                    id.clone_into(&mut self.id);
                }
                let event = field("event: ").map(str::to_owned);
                let data = field("data: ").map(|data| serde_json::from_str(data).unwrap());
                let rest = rest.to_owned();
                self.text = rest;
                if let (Some(event), Some(data)) = (event, data) {
                    return Some((event, data));
                }
            }
            let piece = timeout(SOON, self.body.next()).await.unwrap()?.unwrap();
            self.text.push_str(str::from_utf8(&piece).unwrap());
        }
    }

    async fn hears(&mut self, item: &str) -> Value {
        let (event, data) = self.next().await.unwrap();
        assert_eq!(
            (event.as_str(), data["item"].as_str()),
            ("itemsaved", Some(item))
        );
        data
    }

    async fn is_reset(&mut self) {
        let (event, data) = self.next().await.unwrap();
        assert_eq!((event.as_str(), data), ("reset", json!({})));
    }
}

/// Publishes that an item was saved, as the save-handler does, and returns its sequence in the stream.
async fn save(app: &TestApp, list: &str, item: &str) -> u64 {
    let (id, now) = (Uuid::now_v7(), OffsetDateTime::now_utc());
    let saved = ItemSaved {
        id: id.into(),
        list: ListName::try_from(list.to_owned()).unwrap(),
        item: item.parse().unwrap(),
        completed: false,
        order: 1.0.try_into().unwrap(),
        deleted: false,
        added_at: now,
        version: 1,
        cause: id.into(),
    };
    let envelope = Envelope::seal(&saved, Uuid::now_v7().into(), "save-handler", now);
    app.observer().publish(&envelope).await.unwrap().sequence
}

#[tokio::test]
async fn a_program_hears_of_every_save_of_every_list() {
    let app = TestApp::start().await;
    let _watching = app.watch();
    let mut all = Program::open(&app, "/todo/events", None).await;
    let mut work = Program::open(&app, "/todo/events?list=work", None).await;
    let first = save(&app, "default", "buy milk").await;
    let second = save(&app, "work", "write").await;
    let saved = all.hears("buy milk").await;
    assert_eq!(all.id, first.to_string());
    assert_eq!(saved["list"], "default");
    assert_eq!(saved["deleted"], false);
    all.hears("write").await;
    work.hears("write").await;
    assert_eq!(
        (&all.id, &work.id),
        (&second.to_string(), &second.to_string())
    );
}

/// Fields common to both documents are written alike.
#[tokio::test]
async fn a_save_is_told_in_the_words_in_which_the_item_is_shown() {
    let mut app = TestApp::start().await;
    let _watching = app.watch();
    let id = app.has("buy milk").await;
    let shown = app.get(&format!("/todo/{id}")).await;
    let mut program = Program::open(&app, "/todo/events", None).await;
    save(&app, "default", "buy milk").await;
    let told = program.hears("buy milk").await;
    for (field, value) in shown.body.as_object().unwrap() {
        let alike = value.is_string() == told[field].is_string()
            && value.is_number() == told[field].is_number();
        assert!(alike && told.get(field).is_some(), "{field}: {told}");
    }
}

#[tokio::test]
async fn a_program_that_was_away_gets_what_it_missed_though_nobody_watched_meanwhile() {
    let app = TestApp::start().await;
    let first = save(&app, "default", "one").await;
    save(&app, "work", "two").await;
    save(&app, "default", "three").await;
    // The feed begins only now.
    let _watching = app.watch();
    let after = format!("/todo/events?after={first}");
    let mut by_address = Program::open(&app, &after, None).await;
    by_address.hears("two").await;
    by_address.hears("three").await;
    // What the header says is newer.
    let mut by_header = Program::open(
        &app,
        "/todo/events?after=0&list=default",
        Some(&first.to_string()),
    )
    .await;
    by_header.hears("three").await;
    let last = save(&app, "default", "four").await;
    by_address.hears("four").await;
    by_header.hears("four").await;
    // From memory, too.
    let mut third = Program::open(&app, "/todo/events", Some(&(last - 1).to_string())).await;
    third.hears("four").await;
    // And everything from the beginning.
    let mut all = Program::open(&app, "/todo/events?after=0", None).await;
    for item in ["one", "two", "three", "four"] {
        all.hears(item).await;
    }
}

/// Nothing else bounds their memory, since each gets the events that it missed, which no other shares.
#[tokio::test]
async fn what_the_stream_tells_again_is_kept_for_eight_that_do_not_read_it_and_no_more() {
    let app = TestApp::start().await;
    save(&app, "default", "one").await;
    let _watching = app.watch();
    let open = || Program::open(&app, "/todo/events?after=0", None);
    let mut slow = Vec::new();
    for _ in 0..8 {
        slow.push(open().await);
    }
    open().await.is_reset().await;
    // One that has read what it missed, though it stays.
    let mut reader = slow.pop().unwrap();
    reader.hears("one").await;
    save(&app, "default", "two").await;
    reader.hears("two").await;
    open().await.hears("one").await;
    // And one that is gone.
    slow.pop();
    open().await.hears("one").await;
    slow.pop().unwrap().hears("one").await;
}

#[tokio::test]
async fn who_reads_too_slowly_what_it_missed_is_reset_and_keeps_nobody_else_from_it() {
    let app = TestApp::start().await;
    save(&app, "default", "one").await;
    let _watching = app.watch();
    let open = || Program::open(&app, "/todo/events?after=0", None);
    let mut slow = Vec::new();
    for _ in 0..8 {
        slow.push(open().await);
    }
    // Those who keep it for the programs have to have begun to look at the clock.
    yield_now().await;
    pause();
    advance(Duration::from_secs(31)).await;
    resume();
    open().await.hears("one").await;
    for program in &mut slow {
        program.is_reset().await;
    }
    save(&app, "default", "two").await;
    slow[0].hears("two").await;
}

#[tokio::test]
async fn who_asks_for_what_was_never_said_is_reset_and_goes_on() {
    let app = TestApp::start().await;
    let _watching = app.watch();
    let last = save(&app, "default", "one").await;
    for id in ["999", "nonsense"] {
        let mut program = Program::open(&app, "/todo/events", Some(id)).await;
        program.is_reset().await;
        assert_eq!(program.id, last.to_string());
    }
    let mut program = Program::open(&app, "/todo/events", Some("999")).await;
    program.is_reset().await;
    save(&app, "default", "two").await;
    program.hears("two").await;
}

#[tokio::test]
async fn a_stream_ends_when_the_process_is_asked_to_stop() {
    let app = TestApp::start().await;
    let _watching = app.watch();
    let mut program = Program::open(&app, "/todo/events", None).await;
    app.stop.cancel();
    assert_eq!(program.next().await, None);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let app = TestApp::start().await;
    let odd = app.get("/todo/events?after=soon").await;
    odd.refuses(StatusCode::BAD_REQUEST, "bad-query", "");
    assert_eq!(odd.faults(), [("after", "must be the id of an event")]);
    let odd = app.get("/todo/events?list=%00").await;
    odd.refuses(StatusCode::UNPROCESSABLE_ENTITY, "invalid-field", "");
    let request = Request::get("/todo/events").header("accept", "application/json");
    let odd = app.send(request.body(Body::empty()).unwrap()).await;
    odd.refuses(
        StatusCode::NOT_ACCEPTABLE,
        "not-acceptable",
        "text/event-stream",
    );
}

#[tokio::test]
async fn while_the_broker_is_away_a_program_may_come_and_is_reset_when_it_is_back() {
    let app = TestApp::start().await;
    let _watching = app.watch();
    app.broker.cut().await;
    let mut program = Program::open(&app, "/todo/events", None).await;
    app.broker.restore().await;
    program.is_reset().await;
    save(&app, "default", "one").await;
    program.hears("one").await;
}
