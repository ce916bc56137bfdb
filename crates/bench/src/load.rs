//! The load generator: plain HTTP/1.1 over connections that stay open.
//!
//! It shares the machine with what it measures, so it does as little as it can: requests are made
//! beforehand, and of an answer only status and length are read.

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

/// Requests that are sent again and again.
#[derive(Clone)]
pub(crate) struct Load {
    /// To whom.
    pub(crate) address: SocketAddr,
    /// The requests, as they go over the wire, which take turns.
    pub(crate) requests: Arc<[Arc<[u8]>]>,
    /// The status that each answer must have.
    pub(crate) status: u16,
    /// Over how many connections, each with one request in flight.
    pub(crate) connections: usize,
    /// How long before it counts.
    pub(crate) warm: Duration,
    /// How long it counts.
    pub(crate) time: Duration,
}

impl Load {
    /// The request whose turn it is.
    fn request(&self, turn: usize) -> &[u8] {
        &self.requests[turn % self.requests.len()]
    }
}

/// A `GET`, as it goes over the wire.
pub(crate) fn get(path: &str) -> Arc<[u8]> {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .into_bytes()
        .into()
}

/// A `POST` of JSON, as it goes over the wire.
pub(crate) fn post(path: &str, json: &str) -> Arc<[u8]> {
    let length = json.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{json}"
    )
    .into_bytes()
    .into()
}
