use std::{net::SocketAddr, time::Duration};

use axum::{
    Router,
    extract::Request,
    routing::{get, post},
};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    net::{TcpListener, TcpStream},
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::http::{BODY_LIMIT, body};

use super::{ConnectionTimeouts, HEADER_TIMEOUT, serve, serve_connection};

const IDLE: Duration = Duration::from_secs(75);

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

/// Time that a slow response takes: longer than the timeouts for a head and for the next request.
const SLOW: Duration = Duration::from_secs(100);

fn app() -> Router {
    let slow = get(async || {
        sleep(SLOW).await;
        "slow"
    });
    Router::new()
        .route("/", get(async || "fine").post(async |body: String| body))
        .route("/slow", slow)
        .route("/read", post(async |request: Request| body(request).await))
}

async fn connection() -> (TcpStream, CancellationToken) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    tokio::spawn(serve(
        listener,
        app(),
        ConnectionTimeouts::resting(IDLE),
        stop.clone(),
    ));
    (TcpStream::connect(address).await.unwrap(), stop)
}

/// A connection without a network, so that a test's paused clock controls every timeout.
fn quick() -> DuplexStream {
    let (client, server) = duplex(64 * 1024);
    let peer = SocketAddr::from(([127, 0, 0, 1], 1));
    let graceful = GracefulShutdown::new();
    let watcher = graceful.watcher();
    tokio::spawn(async move {
        serve_connection(
            server,
            peer,
            app(),
            ConnectionTimeouts::resting(IDLE),
            watcher,
        )
        .await;
        drop(graceful);
    });
    client
}

/// Reads until the server closes the connection, within `limit`.
async fn rest(client: &mut (impl AsyncRead + Unpin), limit: Duration) -> String {
    let mut said = Vec::new();
    // The server may close with a reset when it has left bytes unread.
    let _ = timeout(limit, client.read_to_end(&mut said)).await.unwrap();
    String::from_utf8(said).unwrap()
}

/// Sends a request and reads the response, which ends with `end`.
async fn asks(client: &mut DuplexStream, request: &[u8], end: &str) {
    client.write_all(request).await.unwrap();
    let mut said = Vec::new();
    while !said.ends_with(end.as_bytes()) {
        assert_ne!(client.read_buf(&mut said).await.unwrap(), 0, "{end}");
    }
    assert!(said.starts_with(b"HTTP/1.1 200"));
}

/// As curl does before larger bodies.
#[tokio::test]
async fn who_waits_to_be_told_to_send_a_body_is_told_so_or_why_not() {
    let head = |length: usize| {
        format!(
            "POST /read HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
        )
    };
    let (mut client, _stop) = connection().await;
    client.write_all(head(2).as_bytes()).await.unwrap();
    let mut said = [0; 25];
    client.read_exact(&mut said).await.unwrap();
    assert_eq!(&said, b"HTTP/1.1 100 Continue\r\n\r\n");
    client.write_all(b"ok").await.unwrap();
    client.read_exact(&mut said[..15]).await.unwrap();
    assert_eq!(&said[..15], b"HTTP/1.1 200 OK");

    let (mut client, _stop) = connection().await;
    let head = head(BODY_LIMIT + 1);
    client.write_all(head.as_bytes()).await.unwrap();
    client.read_exact(&mut said[..12]).await.unwrap();
    assert_eq!(&said[..12], b"HTTP/1.1 413");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_rests_is_kept_as_long_as_it_may_and_each_time_anew() {
    let mut client = quick();
    let short = IDLE.checked_sub(Duration::from_millis(10)).unwrap();
    for _ in 0..3 {
        sleep(short).await;
        asks(&mut client, REQUEST, "fine").await;
    }
    asks(
        &mut client,
        b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n",
        "slow",
    )
    .await;
    sleep(short).await;
    asks(
        &mut client,
        b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n",
        "\r\n\r\n",
    )
    .await;
    let rests = Instant::now();
    assert_eq!(rest(&mut client, IDLE * 2).await, "");
    let rested = rests.elapsed();
    assert!(
        IDLE <= rested && rested < IDLE + Duration::from_secs(1),
        "{rested:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn who_does_not_finish_a_requests_head_is_cut_off_however_it_goes_about_it() {
    for before in [&[][..], &[REQUEST]] {
        let mut client = quick();
        for request in before {
            asks(&mut client, request, "fine").await;
            sleep(IDLE / 2).await;
        }
        let started = Instant::now();
        for byte in b"GET / HTTP/1.1\r\nHost: x\r\n" {
            // A byte a second is too slow as well.
            if client.write_all(&[*byte]).await.is_err() {
                break;
            }
            sleep(Duration::from_secs(1)).await;
        }
        rest(&mut client, HEADER_TIMEOUT).await;
        let taken = started.elapsed();
        assert!(
            HEADER_TIMEOUT <= taken && taken < HEADER_TIMEOUT * 3,
            "{taken:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_may_take_longer_than_a_head() {
    let mut client = quick();
    client
        .write_all(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n1")
        .await
        .unwrap();
    sleep(HEADER_TIMEOUT * 2).await;
    asks(&mut client, b"2", "12").await;
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let (mut client, _stop) = connection().await;
    let head = format!(
        "GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n",
        "x".repeat(100_000)
    );
    // The server may close before all of it is sent.
    let _ = client.write_all(head.as_bytes()).await;
    let said = rest(&mut client, HEADER_TIMEOUT / 2).await;
    assert!(
        said.is_empty() || said.starts_with("HTTP/1.1 431"),
        "{said}"
    );
}

#[tokio::test]
async fn a_connection_that_rests_is_closed_at_the_stop() {
    let (mut client, stop) = connection().await;
    client.write_all(REQUEST).await.unwrap();
    let mut answer = [0; 12];
    client.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    stop.cancel();
    let said = rest(&mut client, HEADER_TIMEOUT / 2).await;
    assert!(said.ends_with("fine"), "{said}");
}
