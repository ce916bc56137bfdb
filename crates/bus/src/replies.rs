//! Replies to events, for callers that wait for them.
//!
//! A process has one inbox for all of them, which is one subscription. An event has the subject for its
//! reply in its header `reply-to`: a subject of the inbox that ends with a number of its own, by which
//! the reply finds its caller. The event's correlation id would not do for that, since it may be a
//! client's, who may use it twice.
//!
//! A reply is a plain message: nothing stores it and nobody acknowledges it. A caller waits for a limited
//! time, and goes on without the reply if it was lost.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_nats::{HeaderMap, Subscriber, header::HeaderName};
use bytes::Bytes;
use events::{Reply, ReplyTo, SaveReply};
use futures_util::StreamExt;
use tokio::{sync::oneshot, time::timeout};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::{debug, warn};
use uuid::Uuid;

use crate::{Bus, SubscribeError};

/// Time limit of sending replies. They only go to the client's buffer, which is never full for long while
/// there is a connection.
const SEND_TIMEOUT: Duration = Duration::from_millis(500);

/// The inbox of this process. Clones share it. When the last one is gone and nobody waits for a reply any
/// more, the subscription ends.
#[derive(Clone)]
pub struct Replies(Arc<Inbox>);

struct Inbox {
    /// Prefix of the subjects of this inbox.
    subjects: String,
    awaited: Arc<Mutex<Awaited>>,
    _reading: DropGuard,
}

/// Callers that wait, by the number that the reply's subject ends with.
#[derive(Default)]
struct Awaited {
    last: u64,
    waiting: HashMap<u64, oneshot::Sender<Bytes>>,
}

/// A reply that a caller waits for. Dropping it ends the waiting, and a reply that still comes is
/// discarded.
pub struct Expected {
    reply_to: ReplyTo,
    number: u64,
    inbox: Arc<Inbox>,
    answer: oneshot::Receiver<Bytes>,
}

impl Replies {
    /// Opens an inbox that only this process knows, under `replies.<service>.`.
    ///
    /// Returns at once, whether the broker can be reached or not. The subscription is made again with
    /// every connection; a reply that comes while there is none is lost.
    pub async fn open(bus: &Bus) -> Result<Self, SubscribeError> {
        let (prefix, service, process) = (ReplyTo::PREFIX, &bus.service, Uuid::now_v7());
        let subjects = format!("{prefix}{service}.{}.", process.as_simple());
        let longest = format!("{subjects}{}", u64::MAX);
        if ReplyTo::parse(&longest).is_none() {
            let service = service.to_string();
            return Err(SubscribeError::Name { service });
        }
        let wildcard = format!("{subjects}*");
        let subscriber = bus.client.subscribe(wildcard.clone()).await;
        let subscriber = subscriber.map_err(|source| SubscribeError::Subject {
            subject: wildcard,
            source,
        })?;
        let awaited = Arc::default();
        let dropped = CancellationToken::new();
        let reading = read(subscriber, subjects.len(), Arc::clone(&awaited));
        tokio::spawn(dropped.clone().run_until_cancelled_owned(reading));
        Ok(Self(Arc::new(Inbox {
            subjects,
            awaited,
            _reading: dropped.drop_guard(),
        })))
    }

    /// Expects one reply. Call it before the event is published that causes the reply, and put
    /// [`Expected::reply_to`] into that event.
    pub fn expect(&self) -> Expected {
        let (sender, answer) = oneshot::channel();
        let number = {
            let mut awaited = lock(&self.0.awaited);
            awaited.last += 1;
            let number = awaited.last;
            awaited.waiting.insert(number, sender);
            number
        };
        metrics::gauge!("bus_answers_awaited").increment(1);
        let subject = format!("{}{number}", self.0.subjects);
        Expected {
            reply_to: ReplyTo::parse(&subject)
                .unwrap_or_else(|| unreachable!("the longest is one, which `open` has seen to")),
            number,
            inbox: Arc::clone(&self.0),
            answer,
        }
    }

    /// Returns the number of replies that are waited for.
    pub fn awaited(&self) -> usize {
        lock(&self.0.awaited).waiting.len()
    }
}

impl Expected {
    /// Returns the subject for the reply.
    pub fn reply_to(&self) -> &ReplyTo {
        &self.reply_to
    }

    /// Waits for the reply, as long as `limit`. `None` if it has not come, or cannot be decoded.
    ///
    /// If this is dropped, the reply is discarded.
    pub async fn within(mut self, limit: Duration) -> Option<SaveReply> {
        let body = timeout(limit, &mut self.answer).await.ok()?.ok()?;
        let reply = serde_json::from_slice(&body);
        reply
            .inspect_err(|error| warn!("an answer on {} is none: {error}", self.reply_to))
            .ok()
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        lock(&self.inbox.awaited).waiting.remove(&self.number);
        metrics::gauge!("bus_answers_awaited").decrement(1);
    }
}

impl Bus {
    /// Sends replies to their subjects. Nobody acknowledges them: each arrives or is lost.
    ///
    /// While there is no connection they are not sent, since the callers have no time to lose.
    pub async fn reply_all(&self, replies: Vec<Reply>) {
        if replies.is_empty() || !*self.connected.borrow() {
            return;
        }
        let send = async {
            for reply in replies {
                let mut headers = HeaderMap::new();
                for (name, value) in reply.headers {
                    headers.insert(HeaderName::from_static(name), value);
                }
                let subject = reply.to.to_string();
                let body = reply.body.into();
                let sent = self.client.publish_with_headers(subject, headers, body);
                if let Err(error) = sent.await {
                    warn!("cannot send an answer to {}: {error}", reply.to);
                }
            }
        };
        if timeout(SEND_TIMEOUT, send).await.is_err() {
            warn!("answers were not sent in time");
        }
    }
}

/// Hands each reply to the caller that waits for it. The number in its subject follows the first `start`
/// bytes.
async fn read(mut subscriber: Subscriber, start: usize, awaited: Arc<Mutex<Awaited>>) {
    while let Some(message) = subscriber.next().await {
        let number = message
            .subject
            .get(start..)
            .and_then(|text| text.parse().ok());
        let waiting = number.and_then(|number: u64| lock(&awaited).waiting.remove(&number));
        // The caller may be gone by now, as is usual after a reply that was late or came twice.
        if waiting.is_none_or(|waiting| waiting.send(message.payload).is_err()) {
            debug!("nobody waits for the answer on {}", message.subject);
        }
    }
}

fn lock(awaited: &Mutex<Awaited>) -> MutexGuard<'_, Awaited> {
    awaited.lock().unwrap_or_else(PoisonError::into_inner)
}
