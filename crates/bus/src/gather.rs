//! Scatter and gather: one request to all responders, and the responses that come in time.

use std::time::Duration;

use async_nats::StatusCode;
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use crate::Bus;

/// The shortest time in which further responses may arrive once there are enough.
const GRACE_PERIOD: Duration = Duration::from_millis(20);

/// The error when a request cannot be sent to all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GatherError {
    #[error("the broker is away")]
    Disconnected,
    #[error("cannot listen for answers")]
    Listen(#[source] async_nats::SubscribeError),
    #[error("cannot send the question")]
    Send(#[source] async_nats::PublishError),
}

impl Bus {
    /// Sends a request to all who subscribe to `subject`, and hands each response to `heed`, which says
    /// whether there are enough. Responses come on a reply subject of its own under `replies`.
    ///
    /// Returns after `within`, or earlier: when there are enough, after as long again as that took, and
    /// at once when there are no responders or the connection is closed.
    pub(crate) async fn gather(
        &self,
        subject: &'static str,
        replies: &str,
        within: Duration,
        mut heed: impl FnMut(&[u8]) -> bool,
    ) -> Result<(), GatherError> {
        if !*self.connected.borrow() {
            return Err(GatherError::Disconnected);
        }
        let inbox = format!("{replies}.{}", Uuid::now_v7().simple());
        let answers = self.client.subscribe(inbox.clone()).await;
        let mut answers = answers.map_err(GatherError::Listen)?;
        let start = Instant::now();
        let sent = self
            .client
            .publish_with_reply(subject, inbox, Bytes::new())
            .await;
        sent.map_err(GatherError::Send)?;
        let mut end = start + within;
        let mut enough = false;
        while let Ok(Some(answer)) = timeout_at(end, answers.next()).await {
            if answer.status == Some(StatusCode::NO_RESPONDERS) {
                return Ok(());
            }
            if heed(&answer.payload) && !enough {
                enough = true;
                let now = Instant::now();
                end = end.min(now + (now - start).max(GRACE_PERIOD));
            }
        }
        Ok(())
    }
}
