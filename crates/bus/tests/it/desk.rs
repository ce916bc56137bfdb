//! Operations on dead letters: they are listed, replayed and discarded.

mod letters;
mod reach;
mod replays;

use std::cell::{Cell, RefCell};

use async_nats::jetstream;
use bus::{DeadLetter, DeadLetters, Delivery, HandlerError};
use events::{Origin, TodoEvent};
use futures_util::TryStreamExt;
use testkit::eventually;
use tokio_util::sync::CancellationToken;

use crate::world::{SOON, World, during, never};

/// An event as a handler got it.
#[derive(Clone, Debug, PartialEq)]
struct Got {
    subject: String,
    id: String,
    origin: Origin,
    payload: Vec<u8>,
    correlation: Option<String>,
}

impl Got {
    fn of(event: &Delivery<TodoEvent>) -> Self {
        Self {
            subject: event.subject().to_owned(),
            id: event.meta.id.to_string(),
            origin: event.origin.clone(),
            payload: event.payload().to_owned(),
            correlation: event.meta.correlation_id.clone(),
        }
    }
}

/// A handler that may refuse every event, and remembers each.
#[derive(Default)]
struct Judge {
    refusing: Cell<bool>,
    got: RefCell<Vec<Got>>,
}

impl Judge {
    fn refusing() -> Self {
        Self {
            refusing: Cell::new(true),
            got: RefCell::default(),
        }
    }

    fn hear(&self, event: &Delivery<TodoEvent>) -> Result<(), HandlerError> {
        self.got.borrow_mut().push(Got::of(event));
        if self.refusing.get() {
            return Err(never("the drawer is full"));
        }
        Ok(())
    }

    async fn reach(&self, count: usize) {
        eventually(&format!("{count} events came"), SOON, async || {
            let got = self.got.borrow().len();
            if got == count { Ok(()) } else { Err(got) }
        })
        .await;
    }
}

impl World {
    async fn letters(&self, group: Option<&str>) -> Vec<DeadLetter> {
        let desk = self.desk().await;
        desk.list(group).try_collect().await.unwrap()
    }

    /// Waits until there are as many dead letters.
    async fn letters_become(&self, count: usize) -> Vec<DeadLetter> {
        let what = format!("there are {count} dead letters");
        eventually(&what, SOON, async || {
            let letters = self.letters(None).await;
            if letters.len() == count {
                Ok(letters)
            } else {
                Err(letters)
            }
        })
        .await
    }
}

impl World {
    pub(crate) async fn desk(&self) -> DeadLetters {
        self.bus.dead_letters().await.unwrap()
    }

    /// Adds an item that the group `saver` refuses.
    async fn refuse(&self, item: &str) -> DeadLetter {
        self.add(item).await;
        self.refuse_all(1).await.remove(0)
    }

    /// Has the group `saver` refuse every event, until there are `count` dead letters.
    pub(crate) async fn refuse_all(&self, count: usize) -> Vec<DeadLetter> {
        let (stop, saver) = (CancellationToken::new(), Judge::refusing());
        let group = self.bus.group("saver", events::ALL_SUBJECTS);
        let member = group.each(stop.clone(), async |event: &Delivery<TodoEvent>| {
            saver.hear(event)
        });
        during(&stop, [member], async {
            let letters = self.letters_become(count).await;
            self.settled("saver").await;
            letters
        })
        .await
    }

    /// Requests the first event as a group with max deliveries at the broker, and settles nothing.
    async fn have_broker_give_up(&self, group: &str) {
        let jetstream = jetstream::new(self.raw.clone());
        let todo = jetstream.get_stream("TODO").await.unwrap();
        let limited = jetstream::consumer::pull::Config {
            durable_name: Some(group.to_owned()),
            ack_wait: std::time::Duration::from_millis(100),
            max_deliver: 2,
            ..Default::default()
        };
        let consumer = todo.create_consumer(limited).await.unwrap();
        let mut messages = consumer.stream().messages().await.unwrap();
        eventually("the broker has given up", SOON, async || {
            let next = messages.try_next();
            drop(tokio::time::timeout(std::time::Duration::from_millis(50), next).await);
            self.messages("DEAD_LETTERS").await > 0
        })
        .await;
    }

    pub(crate) async fn messages(&self, stream: &str) -> u64 {
        let jetstream = jetstream::new(self.raw.clone());
        let stream = jetstream.get_stream(stream).await.unwrap();
        stream.cached_info().state.messages
    }
}
