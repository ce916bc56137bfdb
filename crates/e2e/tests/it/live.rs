//! Server-sent events to an open page about the changes of other users.

use std::time::{Duration, Instant};

use testkit::{SystemOptions, eventually};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::user::{SOON, User};

/// Reads an event stream until it contains `what`.
pub(crate) async fn hear(stream: &mut TcpStream, what: &str) {
    let mut heard = Vec::new();
    let reading = async {
        while !String::from_utf8_lossy(&heard).contains(what) {
            assert_ne!(stream.read_buf(&mut heard).await.unwrap(), 0, "it ended");
        }
    };
    assert!(timeout(SOON, reading).await.is_ok(), "{what} is not heard");
}

/// Opens an event stream of the page.
pub(crate) async fn watch(user: &User, path: &str) -> TcpStream {
    let web = user.system.web().unwrap();
    let host = web.trim_start_matches("http://").trim_end_matches('/');
    let mut watching = TcpStream::connect(host).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    watching.write_all(request.as_bytes()).await.unwrap();
    watching
}

#[tokio::test]
async fn who_watches_hears_of_what_others_add_also_after_the_broker_was_away() {
    let mut user = User::start(SystemOptions::default()).await;
    let mut watching = watch(&user, "/live?after=0").await;
    user.add("buy milk").await;
    hear(&mut watching, "buy milk").await;

    user.system.broker().restart().await.unwrap();
    let back = Instant::now();
    let item = serde_json::json!({ "item": "water the plants" });
    eventually("posting works again", SOON, async || {
        user.post(&item).await.status == 202
    })
    .await;
    hear(&mut watching, "water the plants").await;
    let took = back.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
}
