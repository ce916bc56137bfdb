//! A plain client of the broker, which publishes by itself: items, and what is none.

use std::time::Duration;

use anyhow::Result;
use async_nats::jetstream;
use rand::RngExt;
use rand::rngs::StdRng;
use tokio::time::{sleep, timeout};

use crate::clients::Clients;
use crate::history::{Answer, Wish};
use crate::plain;

/// How long it waits for a word of the stream.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long it pauses between two messages (ms).
const PAUSE_MS: std::ops::Range<u64> = 50..250;

/// How long what was sent may take to be gone.
const FLUSH: Duration = Duration::from_secs(10);

pub(crate) struct Publisher<'c> {
    clients: &'c Clients,
    client: async_nats::Client,
    rng: StdRng,
}

impl<'c> Publisher<'c> {
    pub(crate) async fn connect(clients: &'c Clients, broker: &str) -> Result<Self> {
        Ok(Self {
            clients,
            client: plain::connect(broker, "publisher").await?,
            rng: clients.chance(usize::MAX),
        })
    }

    /// Publishes until the time is over.
    pub(crate) async fn work(mut self) {
        while !self.clients.is_over() {
            if self.rng.random_range(0..6) == 0 {
                let (subject, body) = self.poison();
                self.publish(Wish::Poison, subject, body).await;
            } else {
                let body = format!(r#"{{"item":"raw {}"}}"#, self.clients.number());
                self.publish(Wish::Add, "events.todo.newitem", body).await;
            }
            let pause = self.rng.random_range(PAUSE_MS);
            sleep(Duration::from_millis(pause)).await;
        }
        // Nothing may come later than the judge.
        let _ = timeout(FLUSH, self.client.flush()).await;
    }

    /// Something that nobody can read, different each time.
    fn poison(&mut self) -> (&'static str, String) {
        let number = self.clients.number();
        let new = "events.todo.newitem";
        match self.rng.random_range(0..6) {
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
        }
    }

    /// Publishes, and waits for the stream's word. It does not try again: without an id that would be
    /// another event.
    async fn publish(&mut self, wish: Wish, subject: &'static str, body: String) {
        let operation = self.clients.begin(wish, None);
        let jetstream = jetstream::new(self.client.clone());
        let stored = timeout(PATIENCE, async {
            let sent = jetstream.publish(subject, body.clone().into()).await.ok()?;
            sent.await.ok()
        });
        let answer = match stored.await {
            Ok(Some(_)) => Answer::Yes,
            _ => Answer::Unknown,
        };
        self.clients.note(operation, body, answer);
    }
}
