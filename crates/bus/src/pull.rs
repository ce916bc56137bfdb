//! Asking the broker for the events of a group.
//!
//! The client library's own loops lose their place in several ways (a waker after an idle
//! heartbeat, the read-ahead when dropped, half a minute after a consumer was away), so the
//! requests are made here, on a plain subscription that is in our hands from start to end.

use std::time::Duration;

use async_nats::{Client, Message, StatusCode, Subject, Subscriber, jetstream};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream::unfold};
use rand::RngExt;
use tokio::time::{Instant, sleep, timeout_at};

use crate::delivery::Given;

/// How long the broker keeps a request that it cannot fill, and then says so. It is short so that a
/// member can leave without losing anything: it asks no more, and within this time every request
/// has been filled or ended. (To end the subscription instead would strand whatever is on its way
/// to it until the broker's patience is over.) It serves as a heartbeat as well.
const EXPIRES: Duration = Duration::from_secs(1);

/// How long nothing may be heard while a request stands.
const SILENCE: Duration = Duration::from_millis(2500);

/// How long what is on its way may take when nothing more is asked for.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);

/// How many bytes one request may bring, or twice as many as a message may have, if that is more. The
/// broker ends a request that the next event does not fit into, and each has to fit into a new one. So
/// large events come few at a time, where all that are asked for would be more than the broker sends to
/// one connection before it cuts it off; of usual events the largest request brings less than this.
const REQUEST_BYTES: usize = 4 << 20;

/// A request that is filled sooner than this shows that more is waiting.
const BUSY: Duration = Duration::from_millis(10);

/// Requests of one member for the events of its group.
pub(crate) struct Pull {
    client: Client,
    next: Subject,
    inbox: Subject,
    subscriber: Subscriber,
    /// How many messages one request asks for: few when little comes, so that the members take
    /// turns, and many when there is a backlog.
    size: usize,
    largest: usize,
    /// How many messages are asked for and have not come.
    outstanding: usize,
    asked_at: Instant,
    heard_at: Instant,
    /// Since when nothing is asked for, if nothing is.
    idle_since: Instant,
    /// How many messages the group had been given when the last one came.
    given: u64,
}

/// What came of asking.
pub(crate) enum Pulled {
    /// An event.
    Message(Message),
    /// A request ended without being filled; it is time to ask again.
    Unfilled,
    /// Requests are not answered any more: the place in the group must be taken anew.
    Lost(String),
    /// The place is not there any more. Whoever removed it may be about to make it anew, elsewhere in the
    /// stream, and should not find it made meanwhile.
    Gone(String),
}

impl Pull {
    pub(crate) async fn open(
        client: &Client,
        stream: &str,
        group: &str,
        largest: usize,
    ) -> Result<Self, async_nats::SubscribeError> {
        let inbox = client.new_inbox();
        let now = Instant::now();
        Ok(Self {
            subscriber: client.subscribe(inbox.clone()).await?,
            client: client.clone(),
            next: format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{group}").into(),
            inbox: inbox.into(),
            size: 1,
            largest,
            outstanding: 0,
            asked_at: now,
            heard_at: now,
            idle_since: now,
            given: 0,
        })
    }

    /// Asks for more, up to `room` messages in all, if fewer than one request's worth is on its way.
    ///
    /// A member keeps one to three requests, a number drawn each time. The broker serves waiting
    /// requests in turn, and what comes has a rhythm of its own (an item is added, an item is
    /// saved, …): in a fixed order one member would get all of the one kind and none of the other.
    pub(crate) async fn top_up(&mut self, room: usize) -> Result<(), async_nats::PublishError> {
        if self.outstanding >= self.size {
            return Ok(());
        }
        let now = Instant::now();
        if self.outstanding == 0 {
            self.resize(now);
        }
        let target = self.size * rand::rng().random_range(1..=3);
        while self.outstanding < target.min(room) {
            let count = self.size.min(room - self.outstanding);
            self.request(count).await?;
            self.outstanding += count;
        }
        self.asked_at = now;
        self.heard_at = now;
        Ok(())
    }

    fn resize(&mut self, now: Instant) {
        self.size = if now.duration_since(self.asked_at) < BUSY {
            (self.size * 2).min(self.largest)
        } else {
            (self.size / 2).max(1)
        };
    }

    async fn request(&self, count: usize) -> Result<(), async_nats::PublishError> {
        let request = jetstream::consumer::pull::BatchConfig {
            batch: count,
            expires: Some(EXPIRES),
            max_bytes: REQUEST_BYTES.max(2 * self.client.max_payload()),
            ..Default::default()
        };
        let body = serde_json::to_vec(&request).unwrap_or_default();
        self.client
            .publish_with_reply(self.next.clone(), self.inbox.clone(), Bytes::from(body))
            .await
    }

    /// Whether nothing was asked for during such a time that the stream may have been made anew: a
    /// request would have been told.
    pub(crate) fn is_stale(&self) -> bool {
        self.outstanding == 0 && self.idle_since.elapsed() > EXPIRES
    }

    /// Whether something is asked for that has not come. It comes or is written off within a second.
    pub(crate) fn is_awaited(&self) -> bool {
        self.outstanding > 0
    }

    /// Waits for what comes next.
    ///
    /// Cancel safe: nothing is lost if this is dropped.
    pub(crate) async fn next(&mut self) -> Pulled {
        loop {
            // Where nothing was asked for, nothing has to come.
            let patience = if self.outstanding > 0 {
                SILENCE
            } else {
                EXPIRES
            };
            match timeout_at(self.heard_at + patience, self.subscriber.next()).await {
                Ok(Some(message)) => {
                    self.heard_at = Instant::now();
                    return self.sort(message);
                }
                Ok(None) => return Pulled::Lost("the subscription ended".to_owned()),
                Err(_) if self.outstanding > 0 => {
                    return Pulled::Lost("the broker does not answer".to_owned());
                }
                Err(_) => self.heard_at = Instant::now(),
            }
        }
    }

    /// Tells events from what the broker says about the requests.
    fn sort(&mut self, message: Message) -> Pulled {
        let Some(status) = message.status else {
            self.write_off(1);
            // The count of a place never goes back, so this is another one, and the stream may count anew. Who asks for
            // nothing is not told when a place ends.
            let given = Given::read(&message).map_or(self.given, |given| given.count);
            if given < self.given {
                return self.gone("the group's place was made anew");
            }
            self.given = given;
            return Pulled::Message(message);
        };
        match status {
            StatusCode::NO_RESPONDERS => self.gone("the group's place is not there"),
            StatusCode::TIMEOUT | StatusCode::NOT_FOUND => {
                self.unfilled(&message);
                Pulled::Unfilled
            }
            _ => {
                let said = message.description.as_deref().unwrap_or_default();
                let gone = [
                    "consumer deleted",
                    "consumer is push based",
                    "server shutdown",
                ];
                if gone.iter().any(|reason| said.eq_ignore_ascii_case(reason)) {
                    return self.gone(said);
                }
                self.unfilled(&message);
                Pulled::Unfilled
            }
        }
    }

    /// Without its consumer, no request will be answered any more.
    fn gone(&mut self, reason: &str) -> Pulled {
        self.outstanding = 0;
        Pulled::Gone(reason.to_lowercase())
    }

    /// Writes off what a request that ended will not bring.
    fn unfilled(&mut self, message: &Message) {
        let missing = message
            .headers
            .as_ref()
            .and_then(|headers| headers.get("Nats-Pending-Messages"))
            .and_then(|count| count.as_str().parse().ok());
        // Without a count, all requests are taken for ended: asking once too often does no harm.
        self.write_off(missing.unwrap_or(self.outstanding));
    }

    /// Notes that `count` of what was asked for have come, or never will.
    fn write_off(&mut self, count: usize) {
        self.outstanding = self.outstanding.saturating_sub(count);
        if self.outstanding == 0 {
            self.idle_since = Instant::now();
        }
    }

    /// Asks for nothing more, and yields what is on its way until all that was asked for has come or
    /// its request has ended.
    pub(crate) fn drain(self) -> impl Stream<Item = Message> {
        let rest = unfold(self, async |mut pull| {
            while pull.outstanding > 0 {
                let message = pull.subscriber.next().await?;
                match pull.sort(message) {
                    Pulled::Message(message) => return Some((message, pull)),
                    Pulled::Unfilled => {}
                    Pulled::Lost(_) | Pulled::Gone(_) => return None,
                }
            }
            None
        });
        rest.take_until(sleep(DRAIN_LIMIT))
    }
}
