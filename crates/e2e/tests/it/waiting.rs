//! Publish and asynchronous response: a caller that waits gets the saved item.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{SystemOptions, eventually, http};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use crate::user::{SOON, User};

/// Options of a system with the API and two savers.
fn savers() -> SystemOptions {
    SystemOptions::default()
        .without("todo-web")
        .without("audit-handler")
}

fn id(item: &http::Response) -> String {
    item.json().unwrap()["id"].as_str().unwrap().to_owned()
}

/// The database has what a response says: the commit comes first.
#[tokio::test]
async fn who_waits_hears_how_the_item_is_and_finds_it_so_at_once() {
    let user = User::start(savers()).await;
    for n in 0..10 {
        let item = json!({ "item": format!("item {n}") });
        let added = user.send_and_wait(5, "POST", "/todo", &item).await;
        assert_eq!(added.status, 201, "{}", added.text());
        assert_eq!(added.header("preference-applied"), Some("wait=5"));
        let item = added.header("location").unwrap();
        let found = user.get(item).await;
        assert_eq!((found.status, found.text()), (200, added.text()));

        let change = json!({ "item": "changed", "completed": true, "order": 1.5 });
        let changed = user.send_and_wait(5, "PATCH", item, &change).await;
        assert_eq!(changed.status, 200, "{}", changed.text());
        assert_eq!(changed.header("preference-applied"), Some("wait=5"));
        let state = changed.json().unwrap();
        for (field, value) in change.as_object().unwrap() {
            assert_eq!(state[field], *value);
        }
        assert_eq!(user.get(item).await.text(), changed.text());

        let deleted = user.send_and_wait(5, "DELETE", item, &Value::Null).await;
        assert_eq!((deleted.status, deleted.text()), (204, String::new()));
        assert_eq!(deleted.header("preference-applied"), Some("wait=5"));
        assert_eq!(user.get(item).await.status, 404);
    }
}

#[tokio::test]
async fn without_a_saver_who_waits_hears_202_in_time_and_everything_is_saved_when_one_comes() {
    let mut user = User::start(SystemOptions::default().only(&["todo-api", "save-handler"])).await;
    let before = user.add("buy milk").await;
    user.saved(&before).await;
    let saver = user.system.members_of("save-handler").remove(0);
    user.system.stop_member(&saver).await.unwrap();

    let started = Instant::now();
    let post = json!({ "item": "buy bread" });
    let added = user.send_and_wait(2, "POST", "/todo", &post).await;
    let waited = started.elapsed();
    assert!(
        waited >= Duration::from_secs(2) && waited < Duration::from_secs(6),
        "{waited:?}"
    );
    let item = format!("/todo/{before}");
    let patch = json!({ "item": "buy oat milk", "completed": true });
    let changed = user.send_and_wait(1, "PATCH", &item, &patch).await;
    for answer in [&added, &changed] {
        assert_eq!(answer.status, 202, "{}", answer.text());
        assert_eq!(answer.header("preference-applied"), None);
    }
    let location = format!("/todo/{}", id(&added));
    assert_eq!(added.header("location"), Some(location.as_str()));
    assert_eq!(user.get(&location).await.status, 404);

    user.system.restart_member(&saver).await.unwrap();
    assert_eq!(user.saved(&id(&added)).await["item"], "buy bread");
    user.sql_becomes(
        "select count(*) from items where item = 'buy oat milk' and completed",
        "1",
    )
    .await;
    // The replies for callers that have left do no harm.
    let next = user.send_and_wait(5, "POST", "/todo", &post).await;
    assert_eq!(next.status, 201, "{}", next.text());
}

#[tokio::test]
async fn an_api_that_is_asked_to_stop_answers_those_who_wait_first() {
    let mut user = User::start(SystemOptions::default().only(&["todo-api"])).await;
    let api = user.system.members_of("todo-api").remove(0);
    let started = Instant::now();
    let address = format!("{}/todo", user.system.api().unwrap().trim_end_matches('/'));
    let waiting = tokio::spawn(async move {
        let headers = [("content-type", "application/json"), ("prefer", "wait=14")];
        http::request("POST", &address, &headers, br#"{"item":"buy milk"}"#).await
    });
    eventually("it is accepted", SOON, async || {
        user.messages("TODO").await == 1
    })
    .await;
    let end = user.system.stop_member(&api).await.unwrap();
    assert!(end.success(), "{end}");
    let answer = waiting.await.unwrap().unwrap();
    assert_eq!(answer.status, 202, "{}", answer.text());
    assert!(started.elapsed() < Duration::from_secs(12));
}

#[tokio::test]
async fn who_hangs_up_is_not_waited_for_any_longer() {
    let user = User::start(SystemOptions::default().only(&["todo-api"])).await;
    let api = user.system.api().unwrap();
    let host = api.trim_start_matches("http://").trim_end_matches('/');
    let awaited = async |count: &str| {
        eventually(&format!("{count} answers are awaited"), SOON, async || {
            let metrics = user.get("/metrics").await.text();
            metrics.contains(&format!("\nbus_answers_awaited {count}\n"))
        })
        .await;
    };
    let mut caller = TcpStream::connect(host).await.unwrap();
    let body = r#"{"item":"buy milk"}"#;
    let request = format!(
        "POST /todo HTTP/1.1\r\nhost: {host}\r\nprefer: wait=30\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    caller.write_all(request.as_bytes()).await.unwrap();
    awaited("1").await;
    drop(caller);
    awaited("0").await;
    assert_eq!(user.messages("TODO").await, 1, "what was accepted stays");
}

#[tokio::test]
async fn an_operator_sees_the_answers_as_they_pass() {
    let user = User::start(savers()).await;
    let mut listener = user.todoctl(&["sub", "replies.>"]).spawn().unwrap();
    let mut ready = BufReader::new(listener.stderr.take().unwrap()).lines();
    assert_eq!(
        ready.next_line().await.unwrap().unwrap(),
        "listening on replies.>"
    );
    let item = json!({ "item": "buy milk" });
    let added = user.send_and_wait(5, "POST", "/todo", &item).await;
    assert_eq!(added.status, 201, "{}", added.text());
    let mut lines = BufReader::new(listener.stdout.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().unwrap();
    assert!(line.starts_with("replies.todo-api."), "{line}");
    assert!(line.contains(&id(&added)), "{line}");
}

/// Over the broker alone: no API runs.
#[tokio::test]
async fn an_operator_who_waits_sees_the_saved_item_or_hears_that_it_waits_for_a_saver() {
    let mut user = User::start(SystemOptions::default().only(&["save-handler"])).await;
    let command = ["add", "buy milk", "--wait", "10"];
    let output = user.todoctl(&command).output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    let page = String::from_utf8(output.stdout).unwrap();
    assert!(page.contains("\nitem      buy milk\n"), "{page}");
    let count = user.sql("select count(*) from items").await;
    assert_eq!(count, "1", "what is printed is committed");

    let saver = user.system.members_of("save-handler").remove(0);
    user.system.stop_member(&saver).await.unwrap();
    let command = ["add", "buy bread", "--wait", "200ms"];
    let output = user.todoctl(&command).output().await.unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    user.system.add_member("save-handler").await.unwrap();
    user.sql_becomes("select count(*) from items", "2").await;
}
