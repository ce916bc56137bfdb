//! A closed loop, as fast as it goes: each connection sends its next request when it has the response to
//! the last.

use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::task::JoinSet;

use super::{Connection, Latencies, Load};
use crate::numbers::approximate;

/// Results of a closed loop.
pub(crate) struct Closed {
    /// Responses per second.
    pub(crate) per_second: f64,
    /// The latency of each request.
    pub(crate) latencies: Latencies,
    /// Number of all responses, including those of the warm-up.
    pub(crate) answered: u64,
}

/// Sends requests until the time is over. Fails at the first response with an unexpected status.
pub(crate) async fn closed(load: &Load) -> Result<Closed> {
    let mut connections = Vec::new();
    for _ in 0..load.connections {
        connections.push(Connection::open(load.address).await?);
    }
    let begin = Instant::now() + load.warm;
    let end = begin + load.time;
    let mut tasks = JoinSet::new();
    for connection in connections {
        tasks.spawn(send(connection, load.clone(), begin, end));
    }
    let (mut times, mut answered) = (Vec::new(), 0);
    while let Some(done) = tasks.join_next().await {
        let (some, count) = done??;
        times.extend(some);
        answered += count;
    }
    Ok(Closed {
        per_second: approximate(times.len() as u64) / load.time.as_secs_f64(),
        latencies: times.into_iter().collect(),
        answered,
    })
}

/// Returns the latencies of the requests whose response came in the part that is counted, and the number
/// of all.
async fn send(
    mut connection: Connection,
    load: Load,
    begin: Instant,
    end: Instant,
) -> Result<(Vec<Duration>, u64)> {
    let (mut times, mut answered) = (Vec::new(), 0);
    let mut sent_at = Instant::now();
    while sent_at < end {
        let request = load.request(usize::try_from(answered)?);
        connection.expect(request, load.status).await?;
        answered += 1;
        let now = Instant::now();
        if (begin..end).contains(&now) {
            times.push(now - sent_at);
        }
        sent_at = now;
    }
    Ok((times, answered))
}
