//! The handler of a batch: written in one statement, announced, and only then acknowledged.

use std::collections::HashMap;

use bus::{Bus, Delivery, HandlerError};
use events::{Envelope, EventId, ItemId, Meta, Reply, SaveReply, TodoEvent};
use store::{ErrorKind, ItemStore, Saved, StoreError};
use time::OffsetDateTime;
use tracing::info;

/// Saves batches of events.
pub struct Saver {
    items: ItemStore,
    bus: Bus,
    source: String,
}

impl Saver {
    /// Makes a saver that publishes saved items in the name of the service `source`.
    pub fn new(items: ItemStore, bus: Bus, source: &str) -> Self {
        Self {
            items,
            bus,
            source: source.to_owned(),
        }
    }

    /// Applies the events and publishes the new state of each item that they touch.
    ///
    /// The state is published after the commit and before the events are acknowledged. After a crash in
    /// between, the events are redelivered: they change nothing then, and the same state is published
    /// under the same id. So no table of events still to be published (an outbox) is needed; the stream
    /// that the events come from is that table.
    ///
    /// Publishers that wait for a reply get it after the commit too, and before the states are published:
    /// replies take no acknowledgement. An event that is redelivered gets a reply again, with the state of
    /// then.
    pub async fn save(&self, batch: &[Delivery<TodoEvent>]) -> Result<(), HandlerError> {
        let item_events = batch.iter().filter_map(|delivery| match &delivery.event {
            TodoEvent::Item(event) => Some((delivery, event)),
            TodoEvent::Saved(_) => None,
        });
        let mut causes = HashMap::<ItemId, &Delivery<TodoEvent>>::new();
        for (delivery, event) in item_events.clone() {
            let newest = causes.entry(event.item_id()).or_insert(delivery);
            if newest.origin.position() < delivery.origin.position() {
                *newest = delivery;
            }
        }
        let positioned = item_events.clone();
        let positioned = positioned.map(|(delivery, event)| (event, delivery.origin.position()));
        let mut saved = self.items.apply(positioned).await.map_err(blame)?;
        let answers = item_events
            .filter_map(|(delivery, event)| answer(&delivery.meta, event.item_id(), &saved));
        self.bus.reply_all(answers.collect()).await;
        // In the order of the stream: if only some fit into it, the oldest are stored.
        saved.sort_by_cached_key(|saved| {
            let cause = causes.get(&saved.id);
            cause.map(|cause| cause.origin.position())
        });
        let now = OffsetDateTime::now_utc();
        let announced = saved.into_iter().filter_map(|saved| {
            let cause = causes.get(&saved.id)?;
            self.announcement(saved, cause, now)
        });
        let announced = service::log_together(|| announced.collect::<Vec<_>>());
        let stored = self.bus.publish_all(&announced).await;
        stored.map_err(|error| HandlerError::Unavailable(error.into()))
    }

    /// Makes the event with an item's state; `None` as long as nobody has added the item.
    fn announcement(
        &self,
        saved: Saved,
        cause: &Delivery<TodoEvent>,
        now: OffsetDateTime,
    ) -> Option<Envelope> {
        let (item, event) = (saved.id, &cause.meta.id);
        if saved.changed {
            info!(item.id = %item, event.id = %event, "saved item");
        } else {
            info!(item.id = %item, event.id = %event, "had been saved already");
        }
        let id = EventId::of_version(saved.id, saved.version);
        let state = saved.into_event(event.clone())?;
        let sealed = Envelope::seal(&state, id, &self.source, now);
        Some(sealed.caused_by(&cause.meta))
    }
}

/// Makes the reply to an event of `item`, if its publisher waits for one: the item's state among those that
/// were `saved`, which are sorted by the items' ids.
fn answer(event: &Meta, item: ItemId, saved: &[Saved]) -> Option<Reply> {
    let reply_to = event.reply_to.clone()?;
    let found = saved.binary_search_by_key(&item, |saved| saved.id);
    let saved = found.ok().map(|index| saved[index].clone());
    let reply = SaveReply {
        saved: saved.and_then(|saved| saved.into_event(event.id.clone())),
    };
    Some(reply.seal(reply_to, event.correlation_id.clone()))
}

/// Maps an error of the store to the handler's: an outage is not the events' fault, and a statement that the
/// database rejects will be rejected again.
fn blame(error: StoreError) -> HandlerError {
    match error.kind() {
        ErrorKind::Unavailable => HandlerError::Unavailable(error.into()),
        ErrorKind::Rejected => HandlerError::Reject(error.into()),
        ErrorKind::Fault => HandlerError::Retry(error.into()),
    }
}
