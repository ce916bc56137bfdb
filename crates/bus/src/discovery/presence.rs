//! This member's own responses in service discovery.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use async_nats::{Client, Message, Subscriber};
use futures_util::{StreamExt, stream::SelectAll};
use time::OffsetDateTime;
use tokio::task::AbortHandle;
use tracing::warn;

use super::{
    Endpoint,
    document::{Answer, EndpointStats, Identity, More},
};

/// The name of the statistics of what a member publishes.
pub(super) const PUBLISH: &str = "publish";

/// The facts about this member that service discovery returns.
pub(crate) struct Responder {
    service: String,
    member: String,
    started: OffsetDateTime,
    endpoints: Mutex<Vec<Arc<Endpoint>>>,
    /// Statistics of its publishing. That is no endpoint, so only the response to `STATS` has them: once
    /// something was published, or from the start if it is a publisher.
    published: Endpoint,
    publisher: AtomicBool,
}

/// Answers service discovery until it is dropped.
pub(crate) struct ResponderGuard(AbortHandle);

impl Responder {
    pub(crate) fn new(service: &str, member: &str) -> Self {
        Self {
            service: service.to_owned(),
            member: member.to_owned(),
            started: OffsetDateTime::now_utc(),
            endpoints: Mutex::default(),
            published: Endpoint::new(PUBLISH, events::ALL_SUBJECTS, ""),
            publisher: AtomicBool::new(false),
        }
    }

    /// Includes the statistics of publishing from now on, even if nothing is published yet.
    pub(crate) fn publishes(&self) {
        // Nothing else is read that would have to be seen in the same order.
        self.publisher.store(true, Ordering::Relaxed);
    }

    pub(crate) fn published(&self) -> &Endpoint {
        &self.published
    }

    pub(crate) fn service(&self) -> &str {
        &self.service
    }

    /// Adds an endpoint. If the member has one of this name and subject, its statistics are continued.
    pub(crate) fn add(&self, endpoint: Endpoint) -> Arc<Endpoint> {
        let mut endpoints = self.endpoints();
        let known = endpoints
            .iter()
            .find(|known| (&known.name, &known.subject) == (&endpoint.name, &endpoint.subject));
        if let Some(known) = known {
            return Arc::clone(known);
        }
        let endpoint = Arc::new(endpoint);
        endpoints.push(Arc::clone(&endpoint));
        endpoint
    }

    /// Answers service discovery from now on, as long as the result lives and the connection is not
    /// closed.
    ///
    /// A member that may not receive the requests, by the broker's permissions, works all the same.
    pub(crate) fn start(self: Arc<Self>, client: Client) -> ResponderGuard {
        let answering = tokio::spawn(async move {
            match self.listen(&client).await {
                Ok(calls) => self.answer(&client, calls).await,
                Err(error) => warn!("cannot answer roll calls: {error}"),
            }
        });
        ResponderGuard(answering.abort_handle())
    }

    async fn listen(
        &self,
        client: &Client,
    ) -> Result<SelectAll<Subscriber>, async_nats::SubscribeError> {
        let Self {
            service, member, ..
        } = self;
        let mut calls = SelectAll::new();
        for subject in [
            "$SRV.*".to_owned(),
            format!("$SRV.*.{service}"),
            format!("$SRV.*.{service}.{member}"),
        ] {
            calls.push(client.subscribe(subject).await?);
        }
        Ok(calls)
    }

    async fn answer(&self, client: &Client, mut calls: SelectAll<Subscriber>) {
        let identity = Identity::new(&self.service, &self.member);
        while let Some(call) = calls.next().await {
            let Some((reply, answer)) = self.document(&identity, &call) else {
                continue;
            };
            // If it cannot be sent, the requester finds this member missing.
            let _ = client.publish(reply, answer.into()).await;
        }
    }

    /// Returns the response to a request and its reply subject.
    fn document(
        &self,
        identity: &Identity,
        call: &Message,
    ) -> Option<(async_nats::Subject, Vec<u8>)> {
        let reply = call.reply.clone()?;
        let (r#type, more) = match call.subject.split('.').nth(1)? {
            "PING" => ("io.nats.micro.v1.ping_response", More::Ping {}),
            "INFO" => (
                "io.nats.micro.v1.info_response",
                More::Info {
                    description: format!("the member {} of {}", self.member, self.service),
                    endpoints: self.each(),
                },
            ),
            "STATS" => (
                "io.nats.micro.v1.stats_response",
                More::Stats {
                    started: self.started,
                    endpoints: self.statistics(),
                },
            ),
            _ => return None,
        };
        let answer = Answer {
            r#type,
            identity,
            more,
        };
        Some((reply, serde_json::to_vec(&answer).ok()?))
    }

    fn statistics(&self) -> Vec<EndpointStats> {
        let mut all: Vec<_> = self.each();
        let published = self.published.counts();
        let busy = published.attempts() > 0 || published.in_flight > 0;
        if busy || self.publisher.load(Ordering::Relaxed) {
            all.push((&self.published).into());
        }
        all
    }

    fn each<T: for<'e> From<&'e Endpoint>>(&self) -> Vec<T> {
        let endpoints = self.endpoints();
        endpoints
            .iter()
            .map(|endpoint| T::from(endpoint.as_ref()))
            .collect()
    }

    fn endpoints(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Endpoint>>> {
        self.endpoints
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ResponderGuard {
    fn drop(&mut self) {
        self.0.abort();
    }
}
