//! Waiting for the broker, for a person who may have started it second.

use std::time::Duration;

use bus::Bus;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long the broker may be away before that is said.
const QUIET: Duration = Duration::from_millis(500);

/// Waits until the broker can be reached, and says so if it takes a while. `false` if `stop` was
/// cancelled before.
pub(crate) async fn reached(bus: &Bus, stop: &CancellationToken) -> bool {
    let wait = async {
        if timeout(QUIET, bus.wait_connected()).await.is_err() {
            let trouble = bus.trouble();
            eprintln!("the broker is away (NATS_URL); waiting for it: {trouble}");
            bus.wait_connected().await;
            eprintln!("the broker is there");
        }
    };
    stop.run_until_cancelled(wait).await.is_some()
}
