//! A saver that takes one event after another.

use anyhow::{Result, anyhow};
use async_nats::jetstream::{self, consumer::pull};
use futures_util::StreamExt;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

use super::{Endpoints, NEW_ITEM, NewItem};
use crate::broker;
use crate::stage::STREAM;

pub(super) async fn run(place: &Endpoints) -> Result<()> {
    let pool = PgPoolOptions::new().connect(&place.database).await?;
    let client = broker::connect(&place.nats).await?;
    let stream = jetstream::new(client).get_stream(STREAM).await?;
    let consumer = stream
        .create_consumer(pull::Config {
            durable_name: Some("naive-saver".to_owned()),
            filter_subject: NEW_ITEM.to_owned(),
            ..pull::Config::default()
        })
        .await?;
    let mut messages = consumer.messages().await?;
    while let Some(message) = messages.next().await {
        let message = message?;
        let new: NewItem = serde_json::from_slice(&message.payload)?;
        insert(&pool, &new).await?;
        message.ack().await.map_err(|error| anyhow!(error))?;
    }
    Ok(())
}

/// Inserts one item.
pub(super) async fn insert(pool: &PgPool, new: &NewItem) -> Result<(), sqlx::Error> {
    sqlx::query(
        r#"insert into plain.items (item_id, list, item, completed, "order", added_at, version)
        values ($1, $2, $3, false, $4, $5, 1) on conflict do nothing"#,
    )
    .bind(new.id)
    .bind(&new.list)
    .bind(&new.item)
    .bind(new.order())
    .bind(new.added_at)
    .execute(pool)
    .await
    .map(drop)
}
