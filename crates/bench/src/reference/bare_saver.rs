//! A saver that takes batches: the fast way, with nothing else around it.

use std::time::Duration;

use anyhow::{Result, anyhow};
use async_nats::HeaderMap;
use async_nats::jetstream::{self, Message, consumer::pull};
use futures_util::StreamExt;
use futures_util::future::try_join_all;
use serde::Serialize;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use time::OffsetDateTime;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::{Endpoints, ITEM_SAVED, MESSAGE_ID, NEW_ITEM, NewItem};
use crate::broker;
use crate::stage::STREAM;

/// Number of messages of a pull request.
const READ_AHEAD: usize = 2_000;

/// Greatest number of rows of a statement.
const ROWS: usize = 1_000;

/// Time that a batch waits to become full.
const LINGER: Duration = Duration::from_millis(5);

/// A saved item, on the wire.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ItemSaved<'a> {
    #[serde(flatten)]
    item: &'a NewItem,
    completed: bool,
    order: f64,
    version: i64,
}

pub(super) async fn run(place: &Endpoints) -> Result<()> {
    let pool = PgPoolOptions::new().connect(&place.database).await?;
    let client = broker::connect(&place.nats).await?;
    let jetstream = jetstream::new(client);
    let stream = jetstream.get_stream(STREAM).await?;
    let consumer = stream
        .create_consumer(pull::Config {
            durable_name: Some("bare-saver".to_owned()),
            filter_subject: NEW_ITEM.to_owned(),
            // The server's default is half the size of a pull request.
            max_ack_pending: 10_000,
            ..pull::Config::default()
        })
        .await?;
    let messages = consumer.stream().max_messages_per_batch(READ_AHEAD);
    let mut messages = messages.messages().await?;
    while let Some(first) = messages.next().await {
        let mut batch = vec![first?];
        let full = Instant::now() + LINGER;
        while batch.len() < ROWS
            && let Ok(Some(next)) = timeout_at(full, messages.next()).await
        {
            batch.push(next?);
        }
        save(&pool, &jetstream, &batch).await?;
        for message in &batch {
            message.ack().await.map_err(|error| anyhow!(error))?;
        }
    }
    Ok(())
}

async fn save(pool: &PgPool, jetstream: &jetstream::Context, batch: &[Message]) -> Result<()> {
    let items = batch
        .iter()
        .map(|message| serde_json::from_slice(&message.payload));
    let items: Vec<NewItem> = items.collect::<Result<_, _>>()?;
    insert(pool, &items).await?;
    let mut confirmations = Vec::with_capacity(items.len());
    for item in &items {
        let saved = ItemSaved {
            item,
            completed: false,
            order: item.order(),
            version: 1,
        };
        let mut headers = HeaderMap::new();
        headers.insert(MESSAGE_ID, format!("{}-saved", item.id));
        let body = serde_json::to_vec(&saved)?;
        let sent = jetstream.publish_with_headers(ITEM_SAVED, headers, body.into());
        confirmations.push(sent.await?.into_future());
    }
    try_join_all(confirmations).await?;
    Ok(())
}

/// Inserts many items with one statement.
async fn insert(pool: &PgPool, items: &[NewItem]) -> Result<(), sqlx::Error> {
    let ids: Vec<Uuid> = items.iter().map(|item| item.id).collect();
    let lists: Vec<&str> = items.iter().map(|item| item.list.as_str()).collect();
    let texts: Vec<&str> = items.iter().map(|item| item.item.as_str()).collect();
    let orders: Vec<f64> = items.iter().map(NewItem::order).collect();
    let times: Vec<OffsetDateTime> = items.iter().map(|item| item.added_at).collect();
    sqlx::query(
        r#"insert into plain.items (item_id, list, item, completed, "order", added_at, version)
        select item_id, list, item, false, place, added_at, 1
        from unnest($1::uuid[], $2::text[], $3::text[], $4::float8[], $5::timestamptz[])
            as new (item_id, list, item, place, added_at)
        on conflict do nothing"#,
    )
    .bind(ids)
    .bind(lists)
    .bind(texts)
    .bind(orders)
    .bind(times)
    .execute(pool)
    .await
    .map(drop)
}
