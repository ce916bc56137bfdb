//! Messages that the client library cannot parse, from a client that writes bytes.

use std::time::Duration;

use serde_json::Value;
use testkit::{SystemOptions, eventually};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};

use crate::user::{SOON, User};

/// Headers at which the client library closes its connection (the first) or dies (the second).
const ODD: [&[u8]; 2] = [
    "NATS/1.0\r\n제목: b\r\n\r\n".as_bytes(),
    b"NATS/1.0\r\nA: b\rc\r\n\r\n",
];

/// Publishes an item with these raw headers, and waits until the broker has it.
async fn publish(user: &User, headers: &[u8]) {
    let address = user.system.nats();
    let (login, broker) = address
        .trim_start_matches("nats://")
        .split_once('@')
        .unwrap();
    let (name, password) = login.split_once(':').unwrap();
    let stream = TcpStream::connect(broker.trim_end_matches('/')).await;
    let mut stream = BufReader::new(stream.unwrap());
    let login = serde_json::json!({
        "verbose": false, "headers": true, "user": name, "pass": password,
    });
    let body = br#"{"item":"odd"}"#;
    let (ours, all) = (headers.len(), headers.len() + body.len());
    let order = format!("CONNECT {login}\r\nHPUB events.todo.newitem {ours} {all}\r\n");
    let sent = [order.as_bytes(), headers, body, b"\r\nPING\r\n"].concat();
    stream.write_all(&sent).await.unwrap();
    let mut line = String::new();
    while line != "PONG\r\n" {
        line.clear();
        assert!(stream.read_line(&mut line).await.unwrap() > 0, "no answer");
        assert!(!line.starts_with("-ERR"), "{line}");
    }
}

/// Restarts members that end, as compose does, until the groups have handled everything. Returns the
/// number of restarts.
async fn supervise(user: &mut User) -> usize {
    let mut deaths = 0;
    loop {
        if let Ok(exit) = timeout(Duration::from_millis(500), user.system.next_exit()).await {
            deaths += 1;
            let name = exit.unwrap().name;
            user.system.relaunch(&name).await.unwrap();
        }
        if user.messages("DEAD_LETTERS").await == 2 * ODD.len() as u64 {
            return deaths;
        }
    }
}

#[tokio::test]
async fn what_no_member_can_read_is_a_dead_letter_soon_and_holds_nobody_up_for_good() {
    let mut user = User::start(SystemOptions::default().scale("save-handler", 1)).await;
    let mut good = Vec::new();
    for headers in ODD {
        publish(&user, headers).await;
        good.push(user.add("good").await);
    }
    let deaths = timeout(SOON * 3, supervise(&mut user)).await.unwrap();
    assert!(deaths > 0, "nobody died of half a line end");
    for id in good {
        eventually("the good one is saved", SOON, async || {
            let answer = user.get(&format!("/todo/{id}")).await;
            (answer.status == 200).then_some(()).ok_or(answer.status)
        })
        .await;
    }
    user.quiet(&["save-handler", "audit-handler"]).await;
    let letters = user.operator(&["dead", "list", "--json"]).await;
    for letter in letters.lines() {
        let letter: Value = serde_json::from_str(letter).unwrap();
        let reason = letter["reason"].as_str().unwrap();
        assert!(reason.starts_with("cannot be read: "), "{letter}");
    }
    // The part that can be parsed is handled after all, if the operator replays it.
    user.operator(&["dead", "replay", "--group", "save-handler"])
        .await;
    user.quiet(&["save-handler"]).await;
    let saved = user
        .sql("select count(*) from items where item = 'odd'")
        .await;
    assert_eq!(saved, ODD.len().to_string());
}
