//! Serving HTTP to whoever comes, however slow or stubborn.

use std::{net::SocketAddr, pin::pin, time::Duration};

use axum::{Router, body::Body, extract::Request};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use tracing::{debug, warn};

use crate::http::Peer;

/// How long a client may take to send the head of a request. A connection that rests is closed after
/// the same time.
const HEAD_LIMIT: Duration = Duration::from_secs(10);

/// The largest head of a request (bytes), and how much of a body is read ahead.
const BUFFER: usize = 32 * 1024;

/// How long a client may read nothing of what is sent to it.
const WRITE_LIMIT: Duration = Duration::from_secs(30);

/// How long open requests may take after a stop was asked for.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);

/// The pause after a connection could not be accepted, most likely because too many are open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves `app` until the stop; requests that are open then have 10 seconds to end.
pub(crate) async fn serve(listener: TcpListener, app: Router, stop: CancellationToken) {
    // axum would otherwise put its routes together again for each request.
    let app = app.with_state(());
    let open = GracefulShutdown::new();
    let mut stopped = pin!(stop.cancelled());
    loop {
        let accepted = tokio::select! {
            () = &mut stopped => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                tokio::spawn(converse(stream, peer, app.clone(), open.watcher()));
            }
            Err(error) => {
                warn!("cannot accept a connection: {error}");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    if timeout(DRAIN_LIMIT, open.shutdown()).await.is_err() {
        warn!(
            "requests were still open {} s after the stop",
            DRAIN_LIMIT.as_secs()
        );
    }
}

/// Answers the requests of one connection.
async fn converse(stream: TcpStream, peer: SocketAddr, app: Router, watcher: Watcher) {
    // A response is written at once; without this, one in two parts waits for the other side.
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_LIMIT));
    let app = app.map_request(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer(peer));
        request
    });
    let mut server = http1::Builder::new();
    server
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .max_buf_size(BUFFER);
    let io = TokioIo::new(Box::pin(stream));
    let conversation = server.serve_connection(io, TowerToHyperService::new(app));
    if let Err(error) = watcher.watch(conversation).await {
        debug!("a connection ended early: {error}");
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use axum::{Router, routing::get};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
        time::timeout,
    };
    use tokio_util::sync::CancellationToken;

    use super::{HEAD_LIMIT, serve};

    async fn connection() -> (TcpStream, CancellationToken) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let app = Router::new().route("/", get(async || "fine"));
        tokio::spawn(serve(listener, app, stop.clone()));
        (TcpStream::connect(address).await.unwrap(), stop)
    }

    /// Reads until the server closes the connection, within `limit`.
    async fn rest(client: &mut TcpStream, limit: Duration) -> String {
        let mut said = Vec::new();
        // The server may close with a reset when it has left something unread.
        let _ = timeout(limit, client.read_to_end(&mut said)).await.unwrap();
        String::from_utf8(said).unwrap()
    }

    #[tokio::test]
    async fn who_does_not_finish_a_requests_head_is_cut_off() {
        let (mut client, _stop) = connection().await;
        client
            .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n")
            .await
            .unwrap();
        let started = Instant::now();
        rest(&mut client, HEAD_LIMIT * 2).await;
        assert!(started.elapsed() > HEAD_LIMIT / 2);
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
        let said = rest(&mut client, HEAD_LIMIT / 2).await;
        assert!(
            said.is_empty() || said.starts_with("HTTP/1.1 431"),
            "{said}"
        );
    }

    #[tokio::test]
    async fn a_connection_that_rests_is_closed_at_the_stop() {
        let (mut client, stop) = connection().await;
        client
            .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            .await
            .unwrap();
        let mut answer = [0; 12];
        client.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
        stop.cancel();
        let said = rest(&mut client, HEAD_LIMIT / 2).await;
        assert!(said.ends_with("fine"), "{said}");
    }
}
