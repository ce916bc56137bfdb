//! An API that publishes, with nothing else around it.

use anyhow::Result;
use async_nats::{HeaderMap, jetstream};
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{Endpoints, ListQuery, MESSAGE_ID, NEW_ITEM, NewItem};
use crate::broker;

pub(super) async fn run(place: &Endpoints) -> Result<()> {
    let client = broker::connect(&place.nats).await?;
    let app = Router::new()
        .route("/todo", post(add))
        .with_state(jetstream::new(client));
    let listener = TcpListener::bind(place.listen).await?;
    Ok(axum::serve(listener, app).await?)
}

async fn add(
    State(jetstream): State<jetstream::Context>,
    Json(wish): Json<ListQuery>,
) -> Result<(StatusCode, Json<Value>), StatusCode> {
    let new = NewItem::of(wish);
    publish(&jetstream, &new)
        .await
        .map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "id": new.id }))))
}

async fn publish(jetstream: &jetstream::Context, new: &NewItem) -> Result<()> {
    let mut headers = HeaderMap::new();
    headers.insert(MESSAGE_ID, new.id.to_string());
    let body = serde_json::to_vec(new)?;
    let stored = jetstream.publish_with_headers(NEW_ITEM, headers, body.into());
    stored.await?.await?;
    Ok(())
}
