//! A backlog: many events at once, as todo-api would have published them.

use anyhow::{Context, Result};
use async_nats::HeaderMap;
use events::{Envelope, ItemId, ListName, NewItem, header};
use testkit::try_eventually;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::stage::{STREAM, Stage};

/// Time that the broker may take to store a backlog.
const TIMEOUT: std::time::Duration = std::time::Duration::from_mins(1);

/// Publishes `count` new items and waits until the stream has them.
///
/// The messages are sent without waiting for publish acks, which is the fastest way and would be wrong
/// in a service; here the stream's own count confirms them.
pub(crate) async fn publish(stage: &Stage, count: u64) -> Result<()> {
    let before = stored(stage).await?;
    for number in 0..count {
        let envelope = new_item(number)?;
        let mut headers = HeaderMap::new();
        for (name, value) in &envelope.headers {
            headers.insert(*name, value.as_str());
        }
        stage
            .client
            .publish_with_headers(envelope.subject, headers, envelope.body.into())
            .await?;
    }
    stage.client.flush().await?;
    try_eventually("the backlog is stored", TIMEOUT, async || {
        Ok::<_, anyhow::Error>(stored(stage).await? >= before + count)
            .and_then(|all| all.then_some(()).context("not all of it"))
    })
    .await
}

/// Returns the last sequence of the stream.
pub(crate) async fn stored(stage: &Stage) -> Result<u64> {
    let stream = stage.jetstream.get_stream_no_info(STREAM).await?;
    Ok(stream.get_info().await?.state.last_sequence)
}

fn new_item(number: u64) -> Result<Envelope> {
    let (id, now) = (ItemId::from(Uuid::now_v7()), OffsetDateTime::now_utc());
    let event = NewItem {
        id: Some(id),
        list: Some(ListName::default()),
        item: format!("record the video for campaign {number}").parse()?,
        added_at: Some(now),
    };
    let envelope = Envelope::seal(&event, id.into(), "bench", now);
    Ok(envelope.with(header::CORRELATION_ID, Some(Uuid::now_v7().to_string())))
}
