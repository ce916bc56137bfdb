//! The common ground of the tests: a broker with the product's streams, and members to watch.

use std::{cell::RefCell, time::Duration};

use async_nats::jetstream::{self, consumer, message};
use bus::{Bus, Delivery, GroupError, HandlerError, Streams};
use events::{Envelope, EventId, ItemEvent, ItemId, ItemSaved, NewItem, TodoEvent};
use futures_util::{StreamExt, stream::FuturesUnordered};
use testkit::{Broker, BrokerOptions, eventually};
use time::macros::datetime;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Time limit of anything that should take a moment.
pub(crate) const SOON: Duration = Duration::from_secs(10);

/// A broker with the product's streams.
pub(crate) struct World {
    pub(crate) broker: Broker,
    pub(crate) bus: Bus,
    pub(crate) raw: async_nats::Client,
}

impl World {
    pub(crate) async fn new() -> Self {
        let broker = Broker::start(BrokerOptions::default()).await.unwrap();
        let raw = async_nats::connect(broker.url()).await.unwrap();
        let bus = Bus::connect(&broker.url(), "tester", "tester-1")
            .await
            .unwrap();
        bus.ensure_streams(Streams::default()).await.unwrap();
        Self { broker, bus, raw }
    }

    /// Opens a connection of its own, as another process would have.
    pub(crate) async fn member(&self, name: &str) -> Bus {
        Bus::connect(&self.broker.url(), "tester", name)
            .await
            .unwrap()
    }

    pub(crate) async fn add(&self, item: &str) -> EventId {
        let event = new_item(item);
        self.bus.publish(&event).await.unwrap();
        event.id
    }

    /// Publishes bytes as any client of the broker may.
    pub(crate) async fn publish_raw(&self, subject: &str, body: impl Into<bytes::Bytes>) {
        let jetstream = jetstream::new(self.raw.clone());
        jetstream
            .publish(subject.to_owned(), body.into())
            .await
            .unwrap()
            .await
            .unwrap();
    }

    /// Returns the broker's information on a group; an error as long as nobody has joined it.
    pub(crate) async fn group_info(
        &self,
        group: &str,
    ) -> Result<consumer::Info, jetstream::context::ConsumerInfoError> {
        let stream = jetstream::new(self.raw.clone())
            .get_stream("TODO")
            .await
            .unwrap();
        stream.consumer_info(group).await
    }

    /// Waits until the group has nothing pending and nothing in flight.
    pub(crate) async fn settled(&self, group: &str) {
        eventually(&format!("{group} is done"), SOON, async || {
            let info = self
                .group_info(group)
                .await
                .map_err(|error| error.to_string())?;
            if info.num_pending == 0 && info.num_ack_pending == 0 {
                Ok(())
            } else {
                Err(format!(
                    "{} pending, {} unsettled",
                    info.num_pending, info.num_ack_pending
                ))
            }
        })
        .await;
    }

    pub(crate) async fn dead_letters(&self) -> Vec<message::StreamMessage> {
        let stream = jetstream::new(self.raw.clone())
            .get_stream("DEAD_LETTERS")
            .await
            .unwrap();
        let state = stream.cached_info().state.clone();
        let mut letters = Vec::new();
        if state.messages == 0 {
            return letters;
        }
        for sequence in state.first_sequence..=state.last_sequence {
            let letter = stream.get_raw_message(sequence).await.unwrap();
            letters.push(letter);
        }
        letters
    }
}

pub(crate) fn new_item(item: &str) -> Envelope {
    let id = ItemId::from(Uuid::now_v7());
    let event = NewItem {
        id: Some(id),
        list: None,
        item: item.parse().unwrap(),
        added_at: None,
    };
    Envelope::seal(&event, id.into(), "tester", datetime!(2026-11-20 12:00 UTC))
}

/// Returns the event that a save-handler would publish for an item that was just added.
pub(crate) fn saved(delivery: &Delivery<TodoEvent>) -> Option<Envelope> {
    let TodoEvent::Item(ItemEvent::Added(added)) = &delivery.event else {
        return None;
    };
    let cause = delivery.meta.id.clone();
    let id = EventId::of_version(added.id, 1);
    let state = ItemSaved {
        id: added.id,
        list: added.list.clone(),
        item: added.item.clone(),
        completed: false,
        order: added.order,
        deleted: false,
        added_at: added.added_at,
        version: 1,
        cause,
    };
    Some(Envelope::seal(&state, id, "tester", added.added_at))
}

/// Events that members saw, in order: the text of each item, and its delivery count.
#[derive(Default)]
pub(crate) struct Seen(RefCell<Vec<(String, u64)>>);

impl Seen {
    pub(crate) fn note(&self, delivery: &Delivery<TodoEvent>) {
        let text = match &delivery.event {
            TodoEvent::Item(ItemEvent::Added(added)) => added.item.to_string(),
            other => format!("{other:?}"),
        };
        self.0.borrow_mut().push((text, delivery.attempt()));
    }

    pub(crate) fn texts(&self) -> Vec<String> {
        self.0
            .borrow()
            .iter()
            .map(|(text, _)| text.clone())
            .collect()
    }

    pub(crate) fn attempts(&self) -> Vec<u64> {
        self.0
            .borrow()
            .iter()
            .map(|(_, attempt)| *attempt)
            .collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.borrow().len()
    }

    /// Waits until `count` events were seen.
    pub(crate) async fn reach(&self, count: usize) {
        eventually(&format!("{count} events are seen"), SOON, async || {
            if self.len() >= count {
                Ok(())
            } else {
                Err(format!("{} events", self.len()))
            }
        })
        .await;
    }
}

/// Runs members while `test` goes on, then stops them and waits for their end.
pub(crate) async fn during<T>(
    stop: &CancellationToken,
    members: impl IntoIterator<Item = impl Future<Output = Result<(), GroupError>>>,
    test: impl Future<Output = T>,
) -> T {
    let members: FuturesUnordered<_> = members.into_iter().collect();
    let mut members = std::pin::pin!(members.collect::<Vec<_>>());
    let result = tokio::select! {
        result = test => result,
        ended = &mut members => panic!("the members ended by themselves: {ended:?}"),
    };
    stop.cancel();
    let ended = tokio::time::timeout(SOON, members)
        .await
        .expect("the members stop soon");
    assert!(ended.iter().all(Result::is_ok), "{ended:?}");
    result
}

pub(crate) fn later(reason: &str) -> HandlerError {
    HandlerError::Retry(reason.into())
}

pub(crate) fn never(reason: &str) -> HandlerError {
    HandlerError::Reject(reason.into())
}

pub(crate) fn away(reason: &str) -> HandlerError {
    HandlerError::Unavailable(reason.into())
}
