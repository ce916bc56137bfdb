//! Pull requests for the events of a group.
//!
//! The client library's own loops stall or lose messages in several ways (a waker after an idle
//! heartbeat, the read-ahead when dropped, half a minute after a consumer was unavailable), so the
//! requests are made here, on a plain subscription that is under our control from start to end.

use std::time::Duration;

use async_nats::{Client, Message, StatusCode, Subject, Subscriber, jetstream};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream::unfold};
use rand::RngExt;
use tokio::time::{Instant, sleep, timeout_at};

use crate::delivery::Given;

/// Time after which a pull request that the broker cannot fill expires, which the broker reports. It is
/// short so that a member can leave without losing anything: it requests no more, and within this time
/// every request has been filled or ended. (To end the subscription instead would strand the messages in
/// flight to it until their ack wait is over.) It serves as a heartbeat as well.
const EXPIRES: Duration = Duration::from_secs(1);

/// Time without any message, while a request is open, after which the consumer is taken for lost.
const SERVER_TIMEOUT: Duration = Duration::from_millis(2500);

/// Time limit for messages in flight when nothing more is requested.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// `max_bytes` of one pull request, or twice as many as a message may have, if that is more. The broker
/// ends a request that the next event does not fit into, and each has to fit into a new one. So large
/// events come few at a time, where all that are requested would be more than the broker sends to one
/// connection before it cuts it off as a slow consumer; of usual events the largest request brings less
/// than this.
const MAX_REQUEST_BYTES: usize = 4 << 20;

/// Time in which a request is filled only if more events are pending.
const BUSY_THRESHOLD: Duration = Duration::from_millis(10);

/// Pull requests of one member for the events of its group.
pub(crate) struct Pull {
    client: Client,
    next: Subject,
    inbox: Subject,
    subscriber: Subscriber,
    /// Number of messages in one request: few when few events come, so that the members take turns, and
    /// many when there is a backlog.
    size: usize,
    largest: usize,
    /// Number of messages that are requested and have not come.
    outstanding: usize,
    asked_at: Instant,
    heard_at: Instant,
    /// Time since which nothing is requested, if nothing is.
    idle_since: Instant,
    /// The consumer sequence of the last message: number of messages that the group had been given then.
    given: u64,
}

/// The result of waiting for requested messages.
pub(crate) enum PullEvent {
    /// An event.
    Message(Message),
    /// A request ended without being filled; it is time to send the next.
    Unfilled,
    /// Requests are not answered any more: the member must join again.
    Lost(String),
    /// The consumer does not exist any more. Whoever deleted it may be about to recreate it, with another
    /// start in the stream, and should not find it created meanwhile.
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

    /// Requests more, up to `room` messages in all, if fewer than one request's worth are on their way.
    ///
    /// A member keeps one to three requests open, a number drawn each time. The broker serves open
    /// requests in turn, and events have a rhythm of their own (an item is added, an item is saved, …):
    /// in a fixed order one member would get all of the one kind and none of the other.
    pub(crate) async fn request_up_to(
        &mut self,
        room: usize,
    ) -> Result<(), async_nats::PublishError> {
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
        self.size = if now.duration_since(self.asked_at) < BUSY_THRESHOLD {
            (self.size * 2).min(self.largest)
        } else {
            (self.size / 2).max(1)
        };
    }

    async fn request(&self, count: usize) -> Result<(), async_nats::PublishError> {
        let request = jetstream::consumer::pull::BatchConfig {
            batch: count,
            expires: Some(EXPIRES),
            max_bytes: MAX_REQUEST_BYTES.max(2 * self.client.max_payload()),
            ..Default::default()
        };
        let body = serde_json::to_vec(&request).unwrap_or_default();
        self.client
            .publish_with_reply(self.next.clone(), self.inbox.clone(), Bytes::from(body))
            .await
    }

    /// Returns whether nothing was requested for so long that the stream may have been recreated: an open
    /// request would have been told.
    pub(crate) fn is_stale(&self) -> bool {
        self.outstanding == 0 && self.idle_since.elapsed() > EXPIRES
    }

    /// Returns whether messages are requested that have not come. They come or are written off within a
    /// second.
    pub(crate) fn is_awaited(&self) -> bool {
        self.outstanding > 0
    }

    /// Waits for the next event, or for the end of a request.
    ///
    /// Cancel safe: nothing is lost if this is dropped.
    pub(crate) async fn next(&mut self) -> PullEvent {
        loop {
            // If nothing is requested, nothing has to come.
            let patience = if self.outstanding > 0 {
                SERVER_TIMEOUT
            } else {
                EXPIRES
            };
            match timeout_at(self.heard_at + patience, self.subscriber.next()).await {
                Ok(Some(message)) => {
                    self.heard_at = Instant::now();
                    return self.sort(message);
                }
                Ok(None) => return PullEvent::Lost("the subscription ended".to_owned()),
                Err(_) if self.outstanding > 0 => {
                    return PullEvent::Lost("the broker does not answer".to_owned());
                }
                Err(_) => self.heard_at = Instant::now(),
            }
        }
    }

    /// Tells events from the broker's status messages about the requests.
    fn sort(&mut self, message: Message) -> PullEvent {
        let Some(status) = message.status else {
            self.write_off(1);
            // The consumer sequence never goes back, so this is another consumer, and the stream may
            // count anew. A member without open requests is not told when its consumer is deleted.
            let given = Given::read(&message).map_or(self.given, |given| given.count);
            if given < self.given {
                return self.gone("the group's place was made anew");
            }
            self.given = given;
            return PullEvent::Message(message);
        };
        match status {
            StatusCode::NO_RESPONDERS => self.gone("the group's place is not there"),
            StatusCode::TIMEOUT | StatusCode::NOT_FOUND => {
                self.unfilled(&message);
                PullEvent::Unfilled
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
                PullEvent::Unfilled
            }
        }
    }

    /// Ends all requests: without its consumer, none will be answered any more.
    fn gone(&mut self, reason: &str) -> PullEvent {
        self.outstanding = 0;
        PullEvent::Gone(reason.to_lowercase())
    }

    /// Writes off the messages that a request which ended will not bring.
    fn unfilled(&mut self, message: &Message) {
        let missing = message
            .headers
            .as_ref()
            .and_then(|headers| headers.get("Nats-Pending-Messages"))
            .and_then(|count| count.as_str().parse().ok());
        // Without a count, all requests are taken for ended: one too many does no harm.
        self.write_off(missing.unwrap_or(self.outstanding));
    }

    /// Records that `count` of the requested messages have come, or never will.
    fn write_off(&mut self, count: usize) {
        self.outstanding = self.outstanding.saturating_sub(count);
        if self.outstanding == 0 {
            self.idle_since = Instant::now();
        }
    }

    /// Requests nothing more, and yields the messages in flight until all that were requested have come
    /// or their request has ended.
    pub(crate) fn drain(self) -> impl Stream<Item = Message> {
        let rest = unfold(self, async |mut pull| {
            while pull.outstanding > 0 {
                let message = pull.subscriber.next().await?;
                match pull.sort(message) {
                    PullEvent::Message(message) => return Some((message, pull)),
                    PullEvent::Unfilled => {}
                    PullEvent::Lost(_) | PullEvent::Gone(_) => return None,
                }
            }
            None
        });
        rest.take_until(sleep(DRAIN_TIMEOUT))
    }
}
