//! Leaving a group: the member requests nothing more, and has the events handled that it requested.

use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::{Instant, timeout};

use super::Member;
use crate::{link::Link, settle};

/// Time that the last events may take after the stop, once nothing more is requested.
const LEAVE_LIMIT: Duration = Duration::from_secs(3);

/// Time limit of giving events back to the broker.
const GIVE_BACK_LIMIT: Duration = Duration::from_secs(1);

impl<E, F> Member<'_, E, F> {
    /// Requests nothing more.
    pub(super) fn leave(&mut self) {
        self.leave_by = Some(Instant::now() + LEAVE_LIMIT);
        if let Link::Open(left) = std::mem::replace(&mut self.link, Link::Ended) {
            self.late.push(left.drain().boxed_local());
        }
    }

    pub(super) fn is_done(&self) -> bool {
        let Some(leave_by) = self.leave_by else {
            return false;
        };
        let nothing_to_come =
            self.late.is_empty() || !*self.connected.borrow() || Instant::now() >= leave_by;
        let nothing_in_work = self.running.is_empty() && self.putting_away.is_empty();
        let nothing_to_do = self.hand.is_empty() || self.outage.is_some();
        nothing_to_come && nothing_in_work && nothing_to_do
    }

    pub(super) async fn give_back(&self) {
        let client = &self.handler.group.bus.client;
        let giving = async {
            for message in self.hand.messages() {
                settle::give_back(client, message).await;
            }
            client.flush().await
        };
        // Without a connection this would wait for the next one. If it cannot be sent, the broker
        // redelivers the events by itself.
        let _ = timeout(GIVE_BACK_LIMIT, giving).await;
    }
}
