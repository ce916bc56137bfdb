//! A plain client of the broker, which publishes by itself: new items, and messages that are no events.

use std::time::Duration;

use anyhow::Result;
use async_nats::jetstream;
use futures_util::future::join_all;
use rand::RngExt;
use rand::rngs::StdRng;
use tokio::time::{sleep, timeout};

use crate::clients::Clients;
use crate::history::{Action, Answer};
use crate::plain;

/// Time to wait for a publish ack.
const PATIENCE: Duration = Duration::from_secs(2);

/// Pause between two messages (ms).
const PAUSE_MS: std::ops::Range<u64> = 50..250;

/// Number of messages that it publishes at once, now and then.
const BURST: usize = 150;

/// Time within which the client's pending messages must be sent.
const FLUSH: Duration = Duration::from_secs(10);

pub(crate) struct Publisher<'c> {
    clients: &'c Clients,
    client: async_nats::Client,
}

/// A message: its purpose, its subject and its body.
type Message<'m> = (Action, &'m str, String);

impl<'c> Publisher<'c> {
    pub(crate) async fn connect(clients: &'c Clients, broker: &str) -> Result<Self> {
        Ok(Self {
            clients,
            client: plain::connect(broker, "publisher").await?,
        })
    }

    /// Publishes until the load is over.
    pub(crate) async fn work(self) {
        let mut rng = self.clients.chance(usize::MAX);
        while !self.clients.is_over() {
            match rng.random_range(0..40) {
                0..7 => self.publish(self.poison(&mut rng)).await,
                7..10 => self.publish_early_and_twice(&mut rng).await,
                10 => {
                    // So many at once that savers take large batches, with a poison message in them.
                    let mut burst: Vec<_> = (0..BURST).map(|_| self.item()).collect();
                    burst[rng.random_range(0..BURST)] = self.poison(&mut rng);
                    join_all(burst.into_iter().map(|message| self.publish(message))).await;
                }
                _ => self.publish(self.item()).await,
            }
            let pause = rng.random_range(PAUSE_MS);
            sleep(Duration::from_millis(pause)).await;
        }
        // No message may arrive after the judge has read the stream.
        let _ = timeout(FLUSH, self.client.flush()).await;
    }

    /// Returns a new item with the fewest fields that it may have.
    fn item(&self) -> Message<'static> {
        let body = format!(r#"{{"item":"raw {}"}}"#, self.clients.number());
        (Action::Add, "events.todo.newitem", body)
    }

    /// Publishes changes of an item before it is added, and adds it twice, the second time to no effect.
    async fn publish_early_and_twice(&self, rng: &mut StdRng) {
        let id = uuid::Builder::from_random_bytes(rng.random()).into_uuid();
        for name in ["itemrenamed", "newitem", "newitem", "itemcompleted"] {
            let subject = format!("events.todo.{name}");
            let text = format!("early {}", self.clients.number());
            let body = format!(r#"{{"id":"{id}","item":"{text}"}}"#);
            self.publish((Action::Change, &subject, body)).await;
        }
    }

    /// Returns a message that cannot be decoded, different each time.
    fn poison(&self, rng: &mut StdRng) -> Message<'static> {
        let number = self.clients.number();
        let new = "events.todo.newitem";
        let (subject, body) = match rng.random_range(0..6) {
            0 => (new, format!("poison {number}")),
            1 => (new, format!(r#"{{"item":{number}}}"#)),
            2 => (new, format!(r#"{{"item":" ","note":{number}}}"#)),
            3 => (new, format!(r#"{{"item":"poison\u0000{number}"}}"#)),
            4 => (
                "events.todo.itemrenamed",
                format!(r#"{{"id":"{number}","item":"a"}}"#),
            ),
            _ => (
                "events.todo.whatever",
                format!(r#"{{"item":"poison {number}"}}"#),
            ),
        };
        (Action::Poison, subject, body)
    }

    /// Publishes a message and waits for the publish ack. It does not retry: without a message id that
    /// would be another event.
    async fn publish(&self, (wish, subject, body): Message<'_>) {
        let operation = self.clients.begin(wish, None);
        let jetstream = jetstream::new(self.client.clone());
        let stored = timeout(PATIENCE, async {
            let sent = jetstream
                .publish(subject.to_owned(), body.clone().into())
                .await
                .ok()?;
            sent.await.ok()
        });
        let answer = match stored.await {
            Ok(Some(_)) => Answer::Yes,
            _ => Answer::Unknown,
        };
        self.clients.note(operation, body, answer);
    }
}
