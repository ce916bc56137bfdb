//! The HTTP server, with timeouts for slow clients.

mod timeouts;

use std::{net::SocketAddr, pin::pin, time::Duration};

use axum::{Router, body::Body, extract::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::TokioIo,
    server::graceful::{GracefulShutdown, Watcher},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    time::{sleep, timeout},
};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use tracing::{debug, warn};

use crate::http::Peer;
use timeouts::{CountedBody, OpenRequests, TimedStream};

pub(crate) use timeouts::ConnectionTimeouts;

/// Time within which a client must have sent the head of a request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// The largest head of a request, and the part of a body that is read ahead (bytes).
const READ_BUFFER_BYTES: usize = 32 * 1024;

/// Time after which a connection is closed whose client reads nothing of the response.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// Time that open requests may take after shutdown was requested.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// The pause after a connection could not be accepted, most likely because too many are open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

impl ConnectionTimeouts {
    /// Makes timeouts of `idle` for the next request of a connection, and of 10 seconds for the head of one.
    pub(crate) fn resting(idle: Duration) -> Self {
        let head = HEADER_TIMEOUT;
        Self { head, idle }
    }
}

/// Serves `app` until shutdown is requested; requests that are open then have 10 seconds to complete.
pub(crate) async fn serve(
    listener: TcpListener,
    app: Router,
    patience: ConnectionTimeouts,
    stop: CancellationToken,
) {
    // axum would otherwise assemble its routes again for each request.
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
                // A response is sent at once; without this, the second part of one waits for an
                // acknowledgement.
                let _ = stream.set_nodelay(true);
                let conversation =
                    serve_connection(stream, peer, app.clone(), patience, open.watcher());
                tokio::spawn(conversation);
            }
            Err(error) => {
                warn!("cannot accept a connection: {error}");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    if timeout(DRAIN_TIMEOUT, open.shutdown()).await.is_err() {
        warn!(
            "requests were still open {} s after the stop",
            DRAIN_TIMEOUT.as_secs()
        );
    }
}

/// Handles the requests of one connection.
async fn serve_connection<S>(
    stream: S,
    peer: SocketAddr,
    app: Router,
    patience: ConnectionTimeouts,
    watcher: Watcher,
) where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_TIMEOUT));
    let requests = OpenRequests::default();
    let io = TimedStream::new(stream, patience, requests.clone());
    let answers = service_fn(move |request: Request<Incoming>| {
        let answering = requests.begin();
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer(peer));
        let answer = app.clone().oneshot(request);
        async {
            let response = answer.await?;
            Ok::<_, std::convert::Infallible>(
                response.map(|body| CountedBody::new(body, answering)),
            )
        }
    });
    let mut server = http1::Builder::new();
    // The connection itself has the timeouts.
    server
        .header_read_timeout(None)
        .max_buf_size(READ_BUFFER_BYTES);
    let conversation = server.serve_connection(TokioIo::new(Box::pin(io)), answers);
    if let Err(error) = watcher.watch(conversation).await {
        debug!("a connection ended early: {error}");
    }
}

#[cfg(test)]
mod tests;
