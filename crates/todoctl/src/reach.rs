//! Waiting for the broker, which a person may start after the tool.

use std::time::Duration;

use anyhow::anyhow;
use bus::Bus;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::broker::Broker;

/// Time for which the broker may be unavailable before a person is told.
const QUIET: Duration = Duration::from_millis(500);

/// Timeout of connecting, for commands that do not wait for the broker.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Waits until the broker is connected. Fails after 5 seconds.
pub(crate) async fn in_time(bus: &Bus, broker: &Broker) -> anyhow::Result<()> {
    let connected = timeout(TIMEOUT, bus.wait_connected()).await;
    connected.map_err(|_| {
        anyhow!(
            "the broker at {broker} is away: {}",
            bus.disconnect_reason()
        )
    })
}

/// Waits until the broker is connected, and says so if that takes a while. Returns `false` if `stop` was
/// cancelled before.
pub(crate) async fn reached(bus: &Bus, broker: &Broker, stop: &CancellationToken) -> bool {
    let wait = async {
        if timeout(QUIET, bus.wait_connected()).await.is_err() {
            let trouble = bus.disconnect_reason();
            eprintln!("the broker at {broker} is away; waiting for it: {trouble}");
            bus.wait_connected().await;
            eprintln!("the broker is there");
        }
    };
    stop.run_until_cancelled(wait).await.is_some()
}
