//! An API without events: what one would write instead of all this.

use anyhow::Result;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::net::TcpListener;

use super::naive_saver::insert;
use super::{Endpoints, ListQuery, NewItem};

/// Size of the connection pool; sqlx's own default, too.
const CONNECTIONS: u32 = 10;

pub(super) async fn run(place: &Endpoints) -> Result<()> {
    let pool = PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .connect(&place.database)
        .await?;
    let app = Router::new().route("/todo", post(add)).with_state(pool);
    let listener = TcpListener::bind(place.listen).await?;
    Ok(axum::serve(listener, app).await?)
}

async fn add(
    State(pool): State<PgPool>,
    Json(wish): Json<ListQuery>,
) -> Result<(StatusCode, Json<Value>), StatusCode> {
    let new = NewItem::of(wish);
    insert(&pool, &new)
        .await
        .map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    Ok((StatusCode::CREATED, Json(json!({ "id": new.id }))))
}
