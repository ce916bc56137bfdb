//! A plain client of the broker: reads whole streams, and the state of consumers.

use anyhow::{Context, Result, ensure};
use async_nats::jetstream::{self, consumer};
use async_nats::{Client, ConnectOptions, HeaderMap, ServerAddr};
use bus::History;
use bytes::Bytes;
use futures_util::StreamExt;
use time::OffsetDateTime;

/// The stream that keeps every event.
pub(crate) const TODO: &str = "TODO";

/// The stream of dead letters.
pub(crate) const DEAD_LETTERS: &str = "DEAD_LETTERS";

/// The durable consumers of the groups.
pub(crate) const GROUPS: [&str; 2] = ["save-handler", "audit-handler"];

/// A message of a stream.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) sequence: u64,
    pub(crate) at: OffsetDateTime,
    pub(crate) subject: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Stored {
    /// Returns a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(async_nats::HeaderValue::as_str)
    }
}

/// State of a group's durable consumer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Messages that were not delivered yet.
    pub(crate) pending: u64,
    /// Messages that are in flight: delivered and not acknowledged.
    pub(crate) in_hand: u64,
    /// Number of redeliveries since the consumer was created.
    pub(crate) repeated: u64,
}

/// Connects to the broker at `url`, and reconnects whenever the connection is lost. The client library
/// ignores a user and a password in the URL, so they are passed as options.
pub(crate) async fn connect(url: &str, name: &str) -> Result<Client> {
    let address: ServerAddr = url.parse()?;
    let mut options = ConnectOptions::new()
        .name(name)
        .ping_interval(std::time::Duration::from_secs(2))
        .event_callback(|_| std::future::ready(()));
    if let (Some(user), Some(password)) = (address.username(), address.password()) {
        options = options.user_and_password(user.to_owned(), password.to_owned());
    }
    Ok(options.connect(address).await?)
}

/// Reads all messages of a stream, in their order, and the identity of the stream.
pub(crate) async fn read(client: &Client, name: &str) -> Result<(Vec<Stored>, History)> {
    let stream = jetstream::new(client.clone()).get_stream(name).await?;
    let all = stream.cached_info().state.messages;
    let consumer = stream
        .create_consumer(consumer::pull::Config {
            ack_policy: consumer::AckPolicy::None,
            ..Default::default()
        })
        .await?;
    let mut stored = Vec::new();
    while (stored.len() as u64) < all {
        let before = stored.len();
        let mut batch = consumer.fetch().max_messages(1_000).messages().await?;
        while let Some(message) = batch.next().await {
            stored.push(open(&message.map_err(|error| anyhow::anyhow!(error))?)?);
        }
        ensure!(
            stored.len() > before,
            "`{name}` gives out only {before} of {all}"
        );
    }
    let info = stream.cached_info();
    let history = History::read(name, info.config.description.as_deref(), info.created);
    Ok((stored, history))
}

/// Converts a message of a consumer.
pub(crate) fn open(message: &jetstream::Message) -> Result<Stored> {
    let info = message.info().map_err(|error| anyhow::anyhow!(error))?;
    Ok(Stored {
        sequence: info.stream_sequence,
        at: info.published,
        subject: message.subject.to_string(),
        headers: message.headers.clone().unwrap_or_default(),
        body: message.payload.clone(),
    })
}

/// Returns the last sequence of the stream, and the state of each group's consumer.
pub(crate) async fn standing(client: &Client) -> Result<(u64, [Standing; 2])> {
    let stream = jetstream::new(client.clone()).get_stream(TODO).await?;
    let last = stream.cached_info().state.last_sequence;
    let mut standings = [Standing::default(); 2];
    for (group, standing) in GROUPS.iter().zip(&mut standings) {
        let info = stream.consumer_info(group).await;
        let info = info.with_context(|| format!("no group {group}"))?;
        *standing = Standing {
            pending: info.num_pending,
            in_hand: info.num_ack_pending as u64,
            repeated: info
                .delivered
                .consumer_sequence
                .saturating_sub(info.delivered.stream_sequence),
        };
    }
    Ok((last, standings))
}
