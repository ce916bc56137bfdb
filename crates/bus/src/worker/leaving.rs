//! Leaving a group: the member requests nothing more, and has the events handled that it requested.

use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::{Instant, timeout};

use super::Worker;
use crate::{ack, consumer_state::ConsumerState};

/// Time that the last events may take after the stop, once nothing more is requested.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(3);

/// Time limit of giving events back to the broker.
const NAK_TIMEOUT: Duration = Duration::from_secs(1);

impl<E, F> Worker<'_, E, F> {
    /// Requests nothing more.
    pub(super) fn begin_shutdown(&mut self) {
        self.deadline = Some(Instant::now() + DRAIN_TIMEOUT);
        if let ConsumerState::Open(left) =
            std::mem::replace(&mut self.consumer, ConsumerState::Ended)
        {
            self.superseded.push(left.drain().boxed_local());
        }
    }

    pub(super) fn is_drained(&self) -> bool {
        let Some(leave_by) = self.deadline else {
            return false;
        };
        let nothing_to_come =
            self.superseded.is_empty() || !*self.connected.borrow() || Instant::now() >= leave_by;
        let nothing_in_work = self.in_flight.is_empty() && self.dead_lettering.is_empty();
        let nothing_to_do = self.buffer.is_empty() || self.outage.is_some();
        nothing_to_come && nothing_in_work && nothing_to_do
    }

    pub(super) async fn nak_buffered(&self) {
        let client = &self.handler.group.bus.client;
        let giving = async {
            for message in self.buffer.messages() {
                ack::nak(client, message).await;
            }
            client.flush().await
        };
        // Without a connection this would wait for the next one. If it cannot be sent, the broker
        // redelivers the events by itself.
        let _ = timeout(NAK_TIMEOUT, giving).await;
    }
}
