//! An open loop, as users come: requests at a given rate, whether or not the earlier ones were answered.
//!
//! A request's latency counts from the moment it was due, also if every connection was still busy then.
//! Counted from the moment it was sent, a stall would show in as many requests as there are connections
//! and not in all that were due meanwhile ("coordinated omission").

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use super::{Connection, Latencies, Load};

/// Shortest sleep between two checks of which requests are due.
const SHORTEST_SLEEP: Duration = Duration::from_micros(200);

/// The requests that are due and not sent, each with its number and the time it was due.
type Due = Arc<Mutex<UnboundedReceiver<(usize, Instant)>>>;

/// Sends `rate` requests per second, and calls `note` with the due time and the response body of each.
pub(crate) async fn open<N>(load: &Load, rate: f64, note: N) -> Result<Latencies>
where
    N: Fn(Instant, &[u8]) + Clone + Send + Sync + 'static,
{
    let (sender, due) = unbounded_channel();
    let due = Arc::new(Mutex::new(due));
    let mut tasks = JoinSet::new();
    for _ in 0..load.connections {
        let connection = Connection::open(load.address).await?;
        tasks.spawn(serve(
            connection,
            load.clone(),
            Arc::clone(&due),
            note.clone(),
        ));
    }
    let start = Instant::now();
    let (counts_from, end) = (start + load.warm, start + load.warm + load.time);
    let pacer = thread::spawn(move || pace(start, end, rate, &sender));
    let mut times = Vec::new();
    while let Some(done) = tasks.join_next().await {
        times.extend(done??);
    }
    let _ = pacer.join();
    let counting = times.into_iter().filter(|(due, _)| *due >= counts_from);
    Ok(counting.map(|(_, took)| took).collect())
}

/// Announces each request when it is due. The runtime's timer has a resolution of a millisecond, which
/// would make bursts of requests; a thread of its own sleeps more finely. Sleeping more finely still
/// would take processor time from the programs that are measured.
fn pace(start: Instant, end: Instant, rate: f64, sender: &UnboundedSender<(usize, Instant)>) {
    for (turn, number) in (0_u32..).enumerate() {
        let due = start + Duration::from_secs_f64(f64::from(number) / rate);
        if due >= end {
            return;
        }
        let early = due.saturating_duration_since(Instant::now());
        if !early.is_zero() {
            thread::sleep(early.max(SHORTEST_SLEEP));
        }
        if sender.send((turn, due)).is_err() {
            return;
        }
    }
}

async fn serve<N>(
    mut connection: Connection,
    load: Load,
    due: Due,
    note: N,
) -> Result<Vec<(Instant, Duration)>>
where
    N: Fn(Instant, &[u8]),
{
    let mut times = Vec::new();
    loop {
        // The lock makes the idle connections queue up, so that they take turns.
        let next = due.lock().await.recv().await;
        let Some((turn, due_at)) = next else {
            return Ok(times);
        };
        let body = connection.expect(load.request(turn), load.status).await?;
        times.push((due_at, due_at.elapsed()));
        note(due_at, body);
    }
}
