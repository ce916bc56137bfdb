//! One direction of one connection through a link.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::Flow;

/// Number of pieces in flight; a full link makes the sender wait, as a real one does.
const UNDER_WAY: usize = 64;

/// Forwards what `from` sends to `to`, each piece after the link's delay and none while it is stalled.
/// Reading does not wait for writing: a delay adds latency and does not limit throughput.
pub(super) async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut flow: watch::Receiver<Flow>,
) {
    let (pieces, mut under_way) = mpsc::channel::<(Instant, Vec<u8>)>(UNDER_WAY);
    let delay = flow.clone();
    let born = flow.borrow().deaths;
    let reading = async move {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            let due = Instant::now() + delay.borrow().delay;
            if pieces.send((due, buffer[..length].to_vec())).await.is_err() {
                return;
            }
        }
    };
    let writing = async move {
        while let Some((due, piece)) = under_way.recv().await {
            sleep_until(due).await;
            if flow.wait_for(|flow| flow.passes(born)).await.is_err() {
                return;
            }
            if to.write_all(&piece).await.is_err() {
                return;
            }
        }
        // The sender has closed its direction: the other end sees that too.
        if flow.wait_for(|flow| flow.passes(born)).await.is_ok() {
            drop(to.shutdown().await);
        }
    };
    tokio::join!(reading, writing);
}
