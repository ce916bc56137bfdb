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
    Delivery, Failure, Group,
    delivery::Parcel,
    settle,
    spans::{self, BoxedSpan},
};

/// The handler of the events, and its group.
pub(crate) struct Handler<'g, F> {
    pub(crate) group: &'g Group,
    pub(crate) handle: F,
    /// Limits the batches that are handled at a time, whichever stream they come from.
    pub(crate) turns: Semaphore,
}

/// The result of handling a batch.
pub(crate) enum Outcome<E> {
    /// Every event is settled.
    Settled,
    /// A message that cannot be handled became a dead letter, or is redelivered if that could not be
    /// stored.
    PutAway,
    /// Something that the handler needs is unavailable; these events are not settled.
    Away(Vec<Delivery<E>>, String),
}

impl<F> Handler<'_, F> {
    /// Has a batch handled and settles each of its events, or returns those that are left.
    pub(crate) async fn settle<E>(&self, batch: Vec<Delivery<E>>) -> Outcome<E>
    where
        F: AsyncFn(&[Delivery<E>]) -> Result<(), Failure>,
    {
        let mut batch = batch;
        if let Some(spans) = &self.group.bus.spans {
            spans.receive(self.group, &mut batch);
        }
        let mut parts = vec![batch];
        while let Some(mut part) = parts.pop() {
            let settled = match (self.attempt(&mut part).await, &part[..]) {
                (Ok(()), _) => {
                    let _telling = self.telling("ack", part.iter().map(|event| &event.message));
                    let messages = part.iter().map(|event| &event.message.message);
                    settle::done(&self.group.bus.client, messages).await;
                    self.count("handled", part.len());
                    self.group.endpoint.handled(part.len());
                    Ok(())
                }
                (Err(failure @ Failure::Away(_)), _) => {
                    let reason = failure.chain();
                    self.group.endpoint.note(&reason);
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
                return Outcome::Away(parts.into_iter().rev().flatten().collect(), reason);
            }
        }
        Outcome::Settled
    }

    /// Hands a batch to the handler, and extends its ack wait until that returns.
    async fn attempt<E>(&self, batch: &mut [Delivery<E>]) -> Result<(), Failure>
    where
        F: AsyncFn(&[Delivery<E>]) -> Result<(), Failure>,
    {
        let Some(spans) = &self.group.bus.spans else {
            return self.attempt_untold(batch).await;
        };
        let processing = spans.process(self.group, batch);
        let done = self.attempt_untold(batch).await;
        spans::end(processing, &done);
        done
    }

    async fn attempt_untold<E>(&self, batch: &[Delivery<E>]) -> Result<(), Failure>
    where
        F: AsyncFn(&[Delivery<E>]) -> Result<(), Failure>,
    {
        let work = async {
            let _turn = self.turns.acquire().await;
            let _busy = self.group.endpoint.begin(batch.len());
            (self.handle)(batch).await
        };
        let mut work = std::pin::pin!(AssertUnwindSafe(work).catch_unwind());
        let reminder = self.group.patience.reminder();
        let mut keep_alive = interval_at(Instant::now() + reminder, reminder);
        loop {
            tokio::select! {
                result = &mut work => {
                    return result.unwrap_or_else(|_| Err(Failure::Later("it panicked".into())));
                }
                _ = keep_alive.tick() => {
                    for event in batch {
                        settle::in_work(&self.group.bus.client, &event.message.message).await;
                    }
                }
            }
        }
    }

    /// Settles an event that failed alone. `Err` says that its dead letter could not be stored.
    async fn settle_failed<E>(&self, event: &Delivery<E>, failure: &Failure) -> Result<(), String> {
        let client = &self.group.bus.client;
        let reason = failure.chain();
        if matches!(failure, Failure::Later(_)) && event.attempt() < self.group.retries.attempts {
            let id: &EventId = &event.meta.id;
            warn!(event.id = %id, "trying the event {id} again later: {reason}");
            let message = &event.message.message;
            let _telling = self.telling("nak", [&event.message]);
            settle::later(client, message, event.attempt(), self.group.retries).await;
            self.count("retried", 1);
            self.group.endpoint.retried(&reason);
            return Ok(());
        }
        let buried = self.group.bury(&event.message, &reason).await;
        buried.map_err(|error| format!("cannot store a dead letter: {error}"))?;
        let _telling = self.telling("term", [&event.message]);
        settle::never(client, &event.message.message).await;
        self.count("buried", 1);
        self.group.endpoint.failed(&reason);
        Ok(())
    }

    /// Decodes an event that was delivered often, and has it handled alone.
    pub(crate) async fn examine<E: Decode>(&self, mut parcel: Parcel) -> Outcome<E>
    where
        F: AsyncFn(&[Delivery<E>]) -> Result<(), Failure>,
    {
        match self.read(&mut parcel) {
            Ok(received) => {
                let message = parcel;
                self.settle(vec![Delivery { received, message }]).await
            }
            Err(reason) => self.put_away(parcel, reason).await,
        }
    }

    /// Decodes the event, or returns the reason why it cannot be handed over.
    pub(crate) fn read<E: Decode>(&self, parcel: &mut Parcel) -> Result<Received<E>, String> {
        parcel.restore().map_err(|error| error.to_string())?;
        // Before it is decoded: members may die of decoding it.
        if parcel.attempt > self.group.patience.deliveries {
            let attempts = parcel.attempt;
            return Err(format!("came {attempts} times and was never settled"));
        }
        parcel.read().map_err(|error| error.to_string())
    }

    /// Stores a dead letter of a message that cannot be handed over. If that does not work now, it is
    /// redelivered.
    pub(crate) async fn put_away<E>(&self, parcel: Parcel, reason: String) -> Outcome<E> {
        let client = &self.group.bus.client;
        match self.group.bury(&parcel, &reason).await {
            Ok(()) => {
                let _telling = self.telling("term", [&parcel]);
                settle::never(client, &parcel.message).await;
                self.count("buried", 1);
                self.group.endpoint.failed(&reason);
            }
            Err(error) => {
                warn!("cannot store a dead letter: {error}");
                let retries = self.group.retries;
                let _telling = self.telling("nak", [&parcel]);
                settle::later(client, &parcel.message, parcel.attempt, retries).await;
            }
        }
        Outcome::PutAway
    }

    /// Begins the span of settling events, which ends when it is dropped.
    fn telling<'p>(
        &self,
        answer: &'static str,
        parcels: impl IntoIterator<Item = &'p Parcel>,
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
