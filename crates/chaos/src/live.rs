//! Somebody who has the page open: hears of each saved item, in the order of the stream, and goes on
//! where it was whenever its connection is lost.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use async_nats::Client;
use async_nats::jetstream::{self, consumer};
use futures_util::StreamExt;
use serde::Deserialize;
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use crate::model::SAVED;
use crate::plain::{self, TODO};

/// How long one request for news may stand.
const EXPIRES: Duration = Duration::from_secs(1);

/// How long nothing may be heard until the place is taken anew.
const SILENCE: Duration = Duration::from_secs(3);

/// One who watches.
#[derive(Default)]
pub(crate) struct Live {
    seen: RefCell<BTreeMap<Uuid, Seen>>,
    last: Cell<u64>,
}

/// What was heard of an item.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// When it was heard of first, from the start of the load.
    pub(crate) first: Duration,
    /// The newest state by its version.
    pub(crate) newest: State,
}

/// A state, as a page shows it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct State {
    pub(crate) id: Uuid,
    pub(crate) version: i64,
    pub(crate) list: String,
    pub(crate) item: String,
    pub(crate) order: f64,
    pub(crate) completed: bool,
    pub(crate) deleted: bool,
}

impl Live {
    /// Watches until it is dropped.
    pub(crate) async fn watch(&self, broker: &str, began: Instant) -> Result<()> {
        let client = plain::connect(broker, "visitor").await?;
        loop {
            // Whatever it is, the next try begins where this one ended.
            let _ = self.listen(&client, began).await;
            sleep(EXPIRES / 5).await;
        }
    }

    async fn listen(&self, client: &Client, began: Instant) -> Result<()> {
        let place = timeout(SILENCE, async {
            let stream = jetstream::new(client.clone()).get_stream(TODO).await?;
            let consumer = stream.create_consumer(consumer::pull::Config {
                ack_policy: consumer::AckPolicy::None,
                deliver_policy: consumer::DeliverPolicy::ByStartSequence {
                    start_sequence: self.last.get() + 1,
                },
                filter_subject: SAVED.to_owned(),
                ..Default::default()
            });
            anyhow::Ok(consumer.await?)
        });
        let consumer = place.await??;
        loop {
            let asked = consumer
                .batch()
                .max_messages(100)
                .expires(EXPIRES)
                .messages();
            let mut news = timeout(SILENCE, asked).await??;
            while let Some(message) = timeout(SILENCE, news.next()).await? {
                let message = message.map_err(|error| anyhow::anyhow!(error))?;
                self.hear(&plain::open(&message)?, began.elapsed())?;
            }
        }
    }

    fn hear(&self, stored: &plain::Stored, now: Duration) -> Result<()> {
        self.last.set(self.last.get().max(stored.sequence));
        let newest: State = serde_json::from_slice(&stored.body).context("cannot read the news")?;
        let mut seen = self.seen.borrow_mut();
        let known = seen.entry(newest.id).or_insert_with(|| Seen {
            first: now,
            newest: newest.clone(),
        });
        if known.newest.version < newest.version {
            known.newest = newest;
        }
        Ok(())
    }

    /// The sequence that was heard last.
    pub(crate) fn last(&self) -> u64 {
        self.last.get()
    }

    /// Everything that was heard.
    pub(crate) fn into_seen(self) -> BTreeMap<Uuid, Seen> {
        self.seen.into_inner()
    }
}
