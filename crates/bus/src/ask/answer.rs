//! Answering questions.

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
use crate::{Bus, roll::Endpoint};

/// How many questions are in work at a time; the others wait.
const AT_ONCE: usize = 32;

/// How long questions that were given to this member may still come after the stop.
const LEAVE_LIMIT: Duration = Duration::from_secs(1);

/// What can be asked, and where. The schemas (JSON) are for whoever looks it up; nothing is checked
/// against them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its name in the roll call and in the logs: letters, digits, `-` and `_`.
    pub name: &'static str,
    /// On which subject.
    pub subject: &'static str,
    /// What is answered, for people.
    pub about: &'static str,
    /// What a question says.
    pub request_schema: &'static str,
    /// What an answer says.
    pub response_schema: &'static str,
}

/// A question that is not answered, in words for whoever asked. Nothing internal belongs in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Whose fault it is, and whether to ask again, as with HTTP: 404, 503 and so on.
    pub code: u16,
    /// What to change.
    pub text: String,
}

/// Why nobody can be answered.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on `{subject}`")]
pub struct AnswerError {
    subject: &'static str,
    #[source]
    source: SubscribeError,
}

impl Bus {
    /// Has `answer` answer the questions on `topics`, until `stop` is cancelled. It gets the topic's
    /// name and the question's body, for up to 32 questions at a time.
    ///
    /// The members of the service share the questions. One whose `answer` panics is refused with
    /// 500. A connection that is lost and made again goes on by itself; what was asked meanwhile
    /// was asked of another member, or of nobody.
    ///
    /// Returns after the stop when all that was given to this member is answered, or if a subject
    /// is none.
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
            .for_each_concurrent(AT_ONCE, async |(endpoint, question)| {
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

/// Yields what is asked. After the stop the broker gives this member no more, and what it has given
/// still comes.
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
        sleep(LEAVE_LIMIT).await;
    })
}

async fn respond<F>(client: &Client, endpoint: &Endpoint, question: Message, answer: &F)
where
    F: AsyncFn(&str, &[u8]) -> Result<Vec<u8>, Refusal>,
{
    // Who wants no answer has asked nothing.
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
    /// A refusal with its number and what to change.
    pub fn new(code: u16, text: impl Into<String>) -> Self {
        Self {
            code,
            text: text.into(),
        }
    }
}
