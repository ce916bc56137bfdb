//! Answering requests.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use async_nats::{Client, HeaderMap, Message, Subject, SubscribeError, Subscriber};
use futures_util::{
    FutureExt, Stream, StreamExt,
    stream::{SelectAll, unfold},
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{CODE, REASON};
use crate::{Bus, discovery::Endpoint};

/// Limit of requests that are in work at a time; the others wait.
const MAX_CONCURRENT: usize = 32;

/// Time after the stop in which requests that the broker gave to this member may still arrive.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// A kind of request that a service answers, and its subject. The schemas (JSON) are documentation;
/// nothing is checked against them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its name in service discovery and in the logs: letters, digits, `-` and `_`.
    pub name: &'static str,
    /// The subject of the requests.
    pub subject: &'static str,
    /// A description of what is answered, for people.
    pub about: &'static str,
    /// The schema of a request.
    pub request_schema: &'static str,
    /// The schema of a response.
    pub response_schema: &'static str,
}

/// A refusal to answer a request, in words for the requester. Nothing internal belongs in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// A status code as with HTTP (404, 503 and so on): whose fault it is, and whether to ask again.
    pub code: u16,
    /// Advice on what to change.
    pub text: String,
}

/// The error when requests on a subject cannot be received.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on `{subject}`")]
pub struct AnswerError {
    subject: &'static str,
    #[source]
    source: SubscribeError,
}

impl Bus {
    /// Answers the requests on `topics` with `answer`, until `stop` is cancelled. It gets the topic's
    /// name and the request's body, for up to 32 requests at a time.
    ///
    /// The members of the service share the requests. One whose `answer` panics is refused with 500.
    /// After a lost connection the subscriptions come back by themselves; requests that were sent
    /// meanwhile went to another member, or had no responders.
    ///
    /// Returns after the stop when all requests that were given to this member are answered, or if a
    /// subject is invalid.
    pub async fn answer<F>(
        &self,
        topics: &[Topic],
        stop: CancellationToken,
        answer: F,
    ) -> Result<(), AnswerError>
    where
        F: AsyncFn(&str, &[u8]) -> Result<Vec<u8>, Refusal>,
    {
        let mut questions = SelectAll::new();
        for topic in topics {
            let group = self.presence.service().to_owned();
            let endpoint = self.presence.add(endpoint(topic, &group));
            let given = self.client.queue_subscribe(topic.subject, group).await;
            let subscriber = given.map_err(|source| AnswerError {
                subject: topic.subject,
                source,
            })?;
            let asked = listen(subscriber, stop.clone());
            questions.push(Box::pin(
                asked.map(move |question| (Arc::clone(&endpoint), question)),
            ));
        }
        let names: Vec<_> = topics.iter().map(|topic| topic.subject).collect();
        info!("answering on {}", names.join(", "));
        questions
            .for_each_concurrent(MAX_CONCURRENT, async |(endpoint, question)| {
                respond(&self.client, &endpoint, question, &answer).await;
            })
            .await;
        Ok(())
    }
}

fn endpoint(topic: &Topic, group: &str) -> Endpoint {
    let mut endpoint = Endpoint::new(topic.name, topic.subject, group);
    endpoint.metadata = [
        ("description", topic.about),
        ("request_schema", topic.request_schema),
        ("response_schema", topic.response_schema),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    endpoint
}

/// Yields requests. After the stop the broker gives this member no more, and those that it has given
/// still arrive.
fn listen(subscriber: Subscriber, stop: CancellationToken) -> impl Stream<Item = Message> {
    let end = stop.clone();
    let questions = unfold((subscriber, false), move |(mut subscriber, mut leaving)| {
        let stop = stop.clone();
        async move {
            loop {
                tokio::select! {
                    () = stop.cancelled(), if !leaving => {
                        leaving = true;
                        subscriber.drain().await.ok()?;
                    }
                    question = subscriber.next() => {
                        return question.map(|question| (question, (subscriber, leaving)));
                    }
                }
            }
        }
    });
    questions.take_until(async move {
        end.cancelled().await;
        sleep(DRAIN_TIMEOUT).await;
    })
}

async fn respond<F>(client: &Client, endpoint: &Endpoint, question: Message, answer: &F)
where
    F: AsyncFn(&str, &[u8]) -> Result<Vec<u8>, Refusal>,
{
    // A message without a reply subject is no request.
    let Some(reply) = question.reply else { return };
    let answered = {
        let _busy = endpoint.begin(1);
        let answering = answer(&endpoint.name, &question.payload);
        let answered = AssertUnwindSafe(answering).catch_unwind().await;
        answered.unwrap_or_else(|_| Err(Refusal::new(500, "internal error")))
    };
    let answered = answered.and_then(|body| {
        if body.len() > client.max_payload() {
            return Err(Refusal::new(413, "the answer is too large: ask for less"));
        }
        Ok(body)
    });
    let sent = match answered {
        Ok(body) => {
            endpoint.handled(1);
            client.publish(reply, body.into()).await
        }
        Err(refusal) => {
            endpoint.failed(&format!("{}: {}", refusal.code, refusal.text));
            refuse(client, reply, &refusal).await
        }
    };
    if let Err(error) = sent {
        warn!("cannot answer on {}: {error}", endpoint.subject);
    }
}

async fn refuse(
    client: &Client,
    reply: Subject,
    refusal: &Refusal,
) -> Result<(), async_nats::PublishError> {
    // A header is one line.
    let text = refusal.text.replace(char::is_control, " ");
    let mut headers = HeaderMap::new();
    headers.insert(REASON, text.as_str());
    headers.insert(CODE, refusal.code.to_string().as_str());
    let body = bytes::Bytes::new();
    client.publish_with_headers(reply, headers, body).await
}

impl Refusal {
    /// Makes a refusal of a status code and the advice on what to change.
    pub fn new(code: u16, text: impl Into<String>) -> Self {
        Self {
            code,
            text: text.into(),
        }
    }
}
