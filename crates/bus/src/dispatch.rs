//! Calling the handler, and settling each event by the result.

use std::panic::AssertUnwindSafe;

use events::{Decode, EventId, Received};
use futures_util::FutureExt;
use tokio::{
    sync::Semaphore,
    time::{Instant, interval_at},
};
use tracing::warn;

use crate::{
    Delivery, Group, HandlerError, ack,
    delivery::RawMessage,
    spans::{self, BoxedSpan},
};

/// The handler of the events, and its group.
pub(crate) struct Dispatcher<'g, F> {
    pub(crate) group: &'g Group,
    pub(crate) handle: F,
    /// Limits the batches that are handled at a time, whichever stream they come from.
    pub(crate) permits: Semaphore,
}

/// The result of handling a batch.
pub(crate) enum Outcome<E> {
    /// Every event is settled.
    Settled,
    /// A message that cannot be handled became a dead letter, or is redelivered if that could not be
    /// stored.
    DeadLettered,
    /// Something that the handler needs is unavailable; these events are not settled.
    Unavailable(Vec<Delivery<E>>, String),
}

impl<F> Dispatcher<'_, F> {
    /// Has a batch handled and settles each of its events, or returns those that are left.
    pub(crate) async fn settle<E>(&self, batch: Vec<Delivery<E>>) -> Outcome<E>
    where
        F: AsyncFn(&[Delivery<E>]) -> Result<(), HandlerError>,
    {
        let mut batch = batch;
        if let Some(spans) = &self.group.bus.spans {
            spans.receive(self.group, &mut batch);
        }
        let mut parts = vec![batch];
        while let Some(mut part) = parts.pop() {
            let settled = match (self.attempt(&mut part).await, &part[..]) {
                (Ok(()), _) => {
                    let _telling = self.settle_span("ack", part.iter().map(|event| &event.message));
                    let messages = part.iter().map(|event| &event.message.message);
                    ack::ack_all(&self.group.bus.client, messages).await;
                    self.count("handled", part.len());
                    self.group.endpoint.handled(part.len());
                    Ok(())
                }
                (Err(failure @ HandlerError::Unavailable(_)), _) => {
                    let reason = failure.chain();
                    self.group.endpoint.record_error(&reason);
                    Err(reason)
                }
                (Err(failure), [event]) => self.settle_failed(event, &failure).await,
                (Err(_), _) => {
                    // The event to blame is in one of the halves. The other is done at once.
                    let half = part.split_off(part.len() / 2);
                    parts.extend([half, part]);
                    continue;
                }
            };
            if let Err(reason) = settled {
                parts.push(part);
                return Outcome::Unavailable(parts.into_iter().rev().flatten().collect(), reason);
            }
        }
        Outcome::Settled
    }

    /// Hands a batch to the handler, and extends its ack wait until that returns.
    async fn attempt<E>(&self, batch: &mut [Delivery<E>]) -> Result<(), HandlerError>
    where
        F: AsyncFn(&[Delivery<E>]) -> Result<(), HandlerError>,
    {
        let Some(spans) = &self.group.bus.spans else {
            return self.attempt_untraced(batch).await;
        };
        let processing = spans.process(self.group, batch);
        let done = self.attempt_untraced(batch).await;
        spans::end(processing, &done);
        done
    }

    async fn attempt_untraced<E>(&self, batch: &[Delivery<E>]) -> Result<(), HandlerError>
    where
        F: AsyncFn(&[Delivery<E>]) -> Result<(), HandlerError>,
    {
        let work = async {
            let _permit = self.permits.acquire().await;
            let _busy = self.group.endpoint.begin(batch.len());
            (self.handle)(batch).await
        };
        let mut work = std::pin::pin!(AssertUnwindSafe(work).catch_unwind());
        let reminder = self.group.redelivery_policy.progress_interval();
        let mut keep_alive = interval_at(Instant::now() + reminder, reminder);
        loop {
            tokio::select! {
                result = &mut work => {
                    return result.unwrap_or_else(|_| Err(HandlerError::Retry("it panicked".into())));
                }
                _ = keep_alive.tick() => {
                    for event in batch {
                        ack::in_progress(&self.group.bus.client, &event.message.message).await;
                    }
                }
            }
        }
    }

    /// Settles an event that failed alone. `Err` says that its dead letter could not be stored.
    async fn settle_failed<E>(
        &self,
        event: &Delivery<E>,
        failure: &HandlerError,
    ) -> Result<(), String> {
        let client = &self.group.bus.client;
        let reason = failure.chain();
        if matches!(failure, HandlerError::Retry(_))
            && event.attempt() < self.group.retry_policy.max_attempts
        {
            let id: &EventId = &event.meta.id;
            warn!(event.id = %id, "trying the event {id} again later: {reason}");
            let message = &event.message.message;
            let _telling = self.settle_span("nak", [&event.message]);
            ack::nak_with_delay(client, message, event.attempt(), self.group.retry_policy).await;
            self.count("retried", 1);
            self.group.endpoint.retried(&reason);
            return Ok(());
        }
        let buried = self.group.bury(&event.message, &reason).await;
        buried.map_err(|error| format!("cannot store a dead letter: {error}"))?;
        let _telling = self.settle_span("term", [&event.message]);
        ack::term(client, &event.message.message).await;
        self.count("buried", 1);
        self.group.endpoint.failed(&reason);
        Ok(())
    }

    /// Decodes an event that was delivered often, and has it handled alone.
    pub(crate) async fn handle_suspect<E: Decode>(&self, mut parcel: RawMessage) -> Outcome<E>
    where
        F: AsyncFn(&[Delivery<E>]) -> Result<(), HandlerError>,
    {
        match self.read(&mut parcel) {
            Ok(received) => {
                let message = parcel;
                self.settle(vec![Delivery { received, message }]).await
            }
            Err(reason) => self.dead_letter(parcel, reason).await,
        }
    }

    /// Decodes the event, or returns the reason why it cannot be handed over.
    pub(crate) fn read<E: Decode>(&self, parcel: &mut RawMessage) -> Result<Received<E>, String> {
        parcel.restore().map_err(|error| error.to_string())?;
        // Before it is decoded: members may die of decoding it.
        if parcel.attempt > self.group.redelivery_policy.max_deliveries {
            let attempts = parcel.attempt;
            return Err(format!("came {attempts} times and was never settled"));
        }
        parcel.read().map_err(|error| error.to_string())
    }

    /// Stores a dead letter of a message that cannot be handed over. If that does not work now, it is
    /// redelivered.
    pub(crate) async fn dead_letter<E>(&self, parcel: RawMessage, reason: String) -> Outcome<E> {
        let client = &self.group.bus.client;
        match self.group.bury(&parcel, &reason).await {
            Ok(()) => {
                let _telling = self.settle_span("term", [&parcel]);
                ack::term(client, &parcel.message).await;
                self.count("buried", 1);
                self.group.endpoint.failed(&reason);
            }
            Err(error) => {
                warn!("cannot store a dead letter: {error}");
                let retries = self.group.retry_policy;
                let _telling = self.settle_span("nak", [&parcel]);
                ack::nak_with_delay(client, &parcel.message, parcel.attempt, retries).await;
            }
        }
        Outcome::DeadLettered
    }

    /// Begins the span of settling events, which ends when it is dropped.
    fn settle_span<'p>(
        &self,
        answer: &'static str,
        parcels: impl IntoIterator<Item = &'p RawMessage>,
    ) -> Option<BoxedSpan> {
        let spans = self.group.bus.spans.as_ref()?;
        let parcels: Vec<_> = parcels.into_iter().collect();
        Some(spans.settle(answer, self.group, &parcels))
    }

    fn count(&self, outcome: &'static str, events: usize) {
        let group = self.group.name.to_string();
        metrics::counter!("events_total", "group" => group, "outcome" => outcome)
            .increment(events as u64);
    }
}
