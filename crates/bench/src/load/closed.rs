//! As fast as it goes: each connection sends its next request when it has the answer to the last.

use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::task::JoinSet;

use super::{Connection, Latencies, Load};
use crate::numbers::approximate;

/// What came of a load.
pub(crate) struct Closed {
    /// Answers per second.
    pub(crate) per_second: f64,
    /// How long each took.
    pub(crate) latencies: Latencies,
    /// All answers, those included that came before it counted.
    pub(crate) answered: u64,
}

/// Sends requests until the time is over. Fails at the first answer that is not as it must be.
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

/// Returns how long each request took whose answer came while it counted, and the number of all.
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
