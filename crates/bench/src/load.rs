//! The load generator: plain HTTP/1.1 over keep-alive connections.
//!
//! It shares the machine with the programs that it measures, so it does as little as it can: requests
//! are formatted beforehand, and of a response only status and length are parsed.

mod closed;
mod connection;
mod latencies;
mod open;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use closed::closed;
pub(crate) use connection::Connection;
pub(crate) use latencies::Latencies;
pub(crate) use open::open;

/// A load: requests that are repeated.
#[derive(Clone)]
pub(crate) struct Load {
    /// The address of the server.
    pub(crate) address: SocketAddr,
    /// The requests, as they go over the wire, which take turns.
    pub(crate) requests: Arc<[Arc<[u8]>]>,
    /// The status that each response must have.
    pub(crate) status: u16,
    /// Number of connections, each with one request in flight.
    pub(crate) connections: usize,
    /// Duration of the warm-up, which is not counted.
    pub(crate) warm: Duration,
    /// Duration of the part that is counted.
    pub(crate) time: Duration,
}

impl Load {
    /// Returns the request for this turn.
    fn request(&self, turn: usize) -> &[u8] {
        &self.requests[turn % self.requests.len()]
    }
}

/// Formats a `GET` request.
pub(crate) fn get(path: &str) -> Arc<[u8]> {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .into_bytes()
        .into()
}

/// Formats a `POST` request with JSON.
pub(crate) fn post(path: &str, json: &str) -> Arc<[u8]> {
    let length = json.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{json}"
    )
    .into_bytes()
    .into()
}
