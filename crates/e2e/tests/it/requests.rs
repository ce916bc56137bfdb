//! Request ids, and the assignment of errors: to the caller, or to our log.

use bus::Bus;
use serde_json::Value;
use testkit::{SystemOptions, eventually, http};
use tokio::time::timeout;

use crate::user::{SOON, User};

const ITEM: &str = "/todo/019a0000-0000-7000-8000-000000000001";

type Header = (&'static str, &'static str);

/// Every mistake of a caller: method, path, a header, body, and the status for it.
const MISTAKES: [(&str, &str, Header, &str, u16); 16] = [
    ("POST", "/todo", JSON, "{", 400),
    ("POST", "/todo", JSON, "[]", 422),
    ("POST", "/todo", JSON, "{\"item\":\" \",\"colour\":1}", 422),
    ("POST", "/todo", ("content-type", "text/plain"), "x", 415),
    ("POST", "/todo", ("idempotency-key", ""), "{}", 400),
    ("POST", "/todos", JSON, "{\"title\":5}", 422),
    ("GET", "/todo", ("accept", "text/html"), "", 406),
    ("GET", "/todo?limit=many", JSON, "", 400),
    ("GET", ITEM, JSON, "", 404),
    ("GET", "/todo/%ff", JSON, "", 400),
    ("GET", "/nowhere", JSON, "", 404),
    ("PUT", "/todo", JSON, "{}", 405),
    ("PATCH", ITEM, JSON, "{}", 422),
    ("PATCH", ITEM, JSON, "{\"completed\":true}", 404),
    ("DELETE", ITEM, ("if-match", "7"), "", 404),
    ("DELETE", ITEM, JSON, "", 404),
];

const JSON: Header = ("content-type", "application/json");

/// Starts the API and a saver; the API logs at level `debug`.
async fn talkative() -> User {
    let options = SystemOptions::default().only(&["todo-api", "save-handler"]);
    let options = options.env("todo-api", "RUST_LOG", "info,todo_api=debug,service=debug");
    User::start(options.linked()).await
}

async fn send(
    user: &User,
    id: &str,
    (method, path): (&str, &str),
    header: Header,
    body: &str,
) -> http::Response {
    let address = format!("{}{path}", user.system.api().unwrap().trim_end_matches('/'));
    let headers = [("x-request-id", id), header];
    let answer = http::request(method, &address, &headers, body.as_bytes());
    answer.await.unwrap()
}

/// Returns the API's log line about a request, as soon as there is one.
async fn line_of(user: &User, id: &str) -> String {
    let line = eventually("a line in the log", SOON, async || {
        let lines = user.system.lines_of("todo-api");
        let found = lines.iter().find(|line| line.contains(id)).cloned();
        found.ok_or(lines)
    });
    line.await
}

#[tokio::test]
async fn a_callers_mistake_is_told_to_the_caller_and_to_nobody_else() {
    let user = talkative().await;
    let before = user.system.lines_of("todo-api").len();
    for (number, (method, path, header, body, status)) in MISTAKES.into_iter().enumerate() {
        let id = format!("mistake-{number}");
        let answer = send(&user, &id, (method, path), header, body).await;
        let problem = answer.json().unwrap();
        assert_eq!(answer.status, status, "{method} {path}: {problem}");
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
        assert_eq!(answer.header("x-request-id"), Some(id.as_str()));
        assert_eq!(problem["requestId"], *id);
        assert_eq!(problem["status"], status);
    }
    let large = format!("{{\"item\":\"{}\"}}", "x".repeat(20_000));
    let answer = send(&user, "large", ("POST", "/todo"), JSON, &large).await;
    assert_eq!(answer.status, 413);
    // Lines come in order, so this one is read after all lines about the mistakes.
    let fine = send(&user, "fine", ("POST", "/todo"), JSON, "{\"item\":\"x\"}").await;
    assert_eq!(fine.status, 202);
    line_of(&user, "fine").await;
    let mut lines = user.system.lines_of("todo-api").split_off(before);
    lines.retain(|line| {
        ["mistake-", "large", "WARN", "ERROR"]
            .iter()
            .any(|word| line.contains(word))
    });
    assert_eq!(lines, [] as [String; 0]);
}

#[tokio::test]
async fn a_request_has_one_identity_in_its_answer_its_event_and_the_log() {
    let user = talkative().await;
    let bus = Bus::connect(&user.system.nats(), "test", "test")
        .await
        .unwrap();
    let mut events = bus.subscribe(events::ALL_SUBJECTS).await.unwrap();
    let answer = send(
        &user,
        "add-1",
        ("POST", "/todo"),
        JSON,
        "{\"item\":\"buy milk\"}",
    )
    .await;
    assert_eq!(
        (answer.status, answer.header("x-request-id")),
        (202, Some("add-1"))
    );
    // The events that follow from it carry it too.
    for subject in ["events.todo.newitem", "events.todo.itemsaved"] {
        let event = timeout(SOON, events.next()).await.unwrap().unwrap();
        assert_eq!(event.subject(), subject);
        assert_eq!(event.header("ce-correlationid"), Some("add-1"));
    }
    let line = line_of(&user, "add-1").await;
    let id = answer.json().unwrap()["id"].as_str().unwrap().to_owned();
    assert!(line.contains(&id) && line.contains("request.id"), "{line}");
}

#[tokio::test]
async fn what_fails_on_our_side_is_in_the_log_under_the_requests_identity() {
    let user = talkative().await;
    user.system.broker_link().unwrap().cut().await;
    let answer = send(
        &user,
        "add-2",
        ("POST", "/todo"),
        JSON,
        "{\"item\":\"buy milk\"}",
    )
    .await;
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (503, Some("1"))
    );
    let problem: Value = answer.json().unwrap();
    assert_eq!(problem["requestId"], "add-2");
    let line = line_of(&user, "add-2").await;
    assert!(line.contains("WARN"), "{line}");

    user.system.broker_link().unwrap().restore().await;
    let listed = send(&user, "list-0", ("GET", "/todo"), JSON, "").await;
    assert_eq!(listed.status, 200);
    let id = eventually("accepted", SOON, async || {
        let answer = send(&user, "add-3", ("POST", "/todo"), JSON, "{\"item\":\"x\"}").await;
        let id = answer.json().unwrap()["id"].as_str().map(str::to_owned);
        id.ok_or(answer.status)
    });
    let id = id.await;
    user.saved(&id).await;
    // No item may be so long, so this is a fault in the stored data.
    user.sql("update items set item = repeat('secret', 50)")
        .await;
    let answer = send(&user, "list-1", ("GET", "/todo"), JSON, "").await;
    assert_eq!(answer.status, 500, "{}", answer.text());
    let line = line_of(&user, "list-1").await;
    assert!(line.contains("ERROR"), "{line}");
    assert!(!answer.text().contains("secret") && !line.contains("secret"));
}
