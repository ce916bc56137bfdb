//! Invalid input, by mistake or out of malice: the sender gets an error, nobody else is disturbed.

use std::time::{Duration, Instant};

use testkit::SystemOptions;
use tokio::{io::AsyncWriteExt, net::TcpStream};
use url::Url;

use crate::user::User;

#[tokio::test]
async fn what_is_no_event_becomes_a_dead_letter_and_delays_nobody() {
    let user = User::start(SystemOptions::default()).await;
    let huge = format!(r#"{{"item":"{}"}}"#, "x".repeat(120_000));
    let poison = [
        ("events.todo.newitem", "hello"),
        ("events.todo.newitem", r#"{"item":7}"#),
        ("events.todo.newitem", r#"{"item":"a\u0000b"}"#),
        ("events.todo.itemmoved", r#"{"id":"1"}"#),
        ("events.todo.whatever", r#"{"item":"a"}"#),
        ("events.todo.newitem", &huge),
    ];
    for (subject, body) in poison {
        user.publish(subject, body).await;
    }
    let started = Instant::now();
    let id = user.add("a good one").await;
    user.saved(&id).await;
    assert!(
        started.elapsed() < Duration::from_secs(2),
        "{:?}",
        started.elapsed()
    );
    user.quiet(&["save-handler", "audit-handler"]).await;
    assert_eq!(user.messages("DEAD_LETTERS").await, poison.len() as u64);
    let audited = user.sql("select count(*) from audit.events").await;
    assert_eq!(audited, user.messages("TODO").await.to_string());
    assert_eq!(user.sql("select count(*) from items").await, "1");
}

#[tokio::test]
async fn whatever_the_http_edge_refuses_is_never_published() {
    let user = User::start(SystemOptions::default().only(&["todo-web", "todo-api"])).await;
    let long = "x".repeat(257);
    for item in ["", "   ", &long, "a\u{7}b", "a\0b"] {
        let answer = user.post(&serde_json::json!({ "item": item })).await;
        assert_eq!(answer.status, 422, "{item:?}: {}", answer.text());
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
        let answer = user.add_on_the_page(item).await;
        assert!(
            (400..500).contains(&answer.status),
            "{item:?}: {}",
            answer.status
        );
    }
    let nobody = "/todo/019a8f6e-3c00-7aaa-8bbb-0123456789ab";
    assert_eq!(
        user.send("PATCH", nobody, r#"{"completed":true}"#)
            .await
            .status,
        404
    );
    assert_eq!(user.send("DELETE", nobody, "").await.status, 404);
    assert_eq!(user.send("POST", "/todo", "{").await.status, 400);
    assert_eq!(user.send("PUT", "/todo", "{}").await.status, 405);
    assert_eq!(user.get("/todo?after=nonsense").await.status, 400);
    assert_eq!(
        user.send("POST", "/todo", &"x".repeat(20_000)).await.status,
        413
    );
    assert_eq!(user.messages("TODO").await, 0);
}

#[tokio::test]
async fn what_any_client_publishes_is_saved() {
    let user = User::start(SystemOptions::default().without("audit-handler")).await;
    user.publish("events.todo.newitem", r#"{"item":"buy milk"}"#)
        .await;
    user.sees("buy milk").await;
}

/// Speaks the broker's protocol by hand, without a client library: sends the message of the original's
/// page, byte for byte.
#[tokio::test]
async fn what_the_original_publishes_is_saved() {
    let user = User::start(SystemOptions::default().without("audit-handler")).await;
    let event = concat!(
        r#"{"Subject":"events.todo.newitem","Item":{"ToDoId":0,"Item":"홍보 비디오 촬영","#,
        r#""DateAdded":"2023-08-19T07:30:11.4276893Z"},"CorrelationId":"5a5bc3ac-0c3d-4d2e-9a44-0f0b2f8a2d51"}"#
    );
    let body: Vec<u8> = event.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let broker = Url::parse(&user.system.nats()).unwrap();
    let (name, password) = (broker.username(), broker.password().unwrap());
    let address = (broker.host_str().unwrap(), broker.port().unwrap());
    let mut client = TcpStream::connect(address).await.unwrap();
    let connect = format!(
        "CONNECT {{\"user\":\"{name}\",\"pass\":\"{password}\",\"verbose\":false}}\r\n\
         PUB events.todo.newitem {}\r\n",
        body.len()
    );
    client.write_all(connect.as_bytes()).await.unwrap();
    client.write_all(&body).await.unwrap();
    client.write_all(b"\r\n").await.unwrap();

    user.sees("홍보 비디오 촬영").await;
    let added = "select added_at at time zone 'UTC' from items";
    assert_eq!(user.sql(added).await, "2023-08-19 07:30:11.427689");
    assert_eq!(user.messages("DEAD_LETTERS").await, 0);
}
