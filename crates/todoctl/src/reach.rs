//! Waiting for the broker, for a person who may have started it second.

use std::time::Duration;

use anyhow::anyhow;
use bus::Bus;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::broker::Broker;

/// How long the broker may be away before that is said.
const QUIET: Duration = Duration::from_millis(500);

/// How long the broker may take to be reached by whoever does not wait for it.
const LIMIT: Duration = Duration::from_secs(5);

/// Fails if the broker is not reached soon.
pub(crate) async fn in_time(bus: &Bus, broker: &Broker) -> anyhow::Result<()> {
    let connected = timeout(LIMIT, bus.wait_connected()).await;
    connected.map_err(|_| anyhow!("the broker at {broker} is away: {}", bus.trouble()))
}

/// Waits until the broker can be reached, and says so if it takes a while. `false` if `stop` was
/// cancelled before.
pub(crate) async fn reached(bus: &Bus, broker: &Broker, stop: &CancellationToken) -> bool {
    let wait = async {
        if timeout(QUIET, bus.wait_connected()).await.is_err() {
            let trouble = bus.trouble();
            eprintln!("the broker at {broker} is away; waiting for it: {trouble}");
            bus.wait_connected().await;
            eprintln!("the broker is there");
        }
    };
    stop.run_until_cancelled(wait).await.is_some()
}
