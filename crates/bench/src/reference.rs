//! The references: plain programs that do the same work, written without our promises and without
//! tuning. The ratios compare with them, so they are honest in both directions: nothing in them is slow
//! on purpose, and each does all the work that its name says.
//!
//! They stop at the first error. A reference that lost something would be no reference.

mod bare_api;
mod bare_saver;
mod naive_saver;
mod synchronous_api;

use std::net::SocketAddr;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

/// The references that can be started.
#[derive(Subcommand, Clone, Debug)]
pub(crate) enum Reference {
    /// A reference: POST, parse, publish, publish ack, 202
    BareApi(Endpoints),
    /// A reference: POST, INSERT, 201
    SynchronousApi(Endpoints),
    /// A reference: one event, one INSERT, one acknowledgement
    NaiveSaver(Endpoints),
    /// A reference: batches, and an event about each saved item
    BareSaver(Endpoints),
}

/// Addresses of a reference's servers, and its own.
#[derive(Args, Clone, Debug)]
pub(crate) struct Endpoints {
    #[arg(long)]
    nats: String,
    #[arg(long)]
    database: String,
    #[arg(long)]
    listen: SocketAddr,
}

/// A plain table for items: a primary key, and an index for the list's page.
pub(crate) const TABLE: &str = r#"
    create schema if not exists plain;
    create table if not exists plain.items (
        item_id uuid primary key,
        list text not null,
        item text not null,
        completed boolean not null,
        "order" double precision not null,
        added_at timestamptz not null,
        version bigint not null
    );
    create index if not exists items_listing on plain.items (list, "order", item_id);
"#;

/// The subject of new items.
const NEW_ITEM: &str = "events.todo.newitem";

/// The subject of saved items.
const ITEM_SAVED: &str = "events.todo.itemsaved";

/// The header by which the broker recognises a message that was sent again.
const MESSAGE_ID: &str = "Nats-Msg-Id";

/// The body of a request.
#[derive(Deserialize)]
struct ListQuery {
    item: String,
}

/// A new item, on the wire.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewItem {
    id: Uuid,
    list: String,
    item: String,
    #[serde(with = "time::serde::rfc3339")]
    added_at: OffsetDateTime,
}

impl NewItem {
    fn of(wish: ListQuery) -> Self {
        Self {
            id: Uuid::now_v7(),
            list: "default".to_owned(),
            item: wish.item,
            added_at: OffsetDateTime::now_utc(),
        }
    }

    /// Returns the item's order: a new item comes last in its list.
    #[expect(
        clippy::cast_precision_loss,
        reason = "near enough for a place in a list"
    )]
    fn order(&self) -> f64 {
        self.added_at.unix_timestamp_nanos() as f64 / 1e9
    }
}

/// Runs a reference until it is killed.
pub(crate) fn run(reference: Reference) -> Result<()> {
    // The runtime that `#[tokio::main]` makes: a thread per core.
    tokio::runtime::Runtime::new()?.block_on(async {
        match reference {
            Reference::BareApi(place) => bare_api::run(&place).await,
            Reference::SynchronousApi(place) => synchronous_api::run(&place).await,
            Reference::NaiveSaver(place) => naive_saver::run(&place).await,
            Reference::BareSaver(place) => bare_saver::run(&place).await,
        }
    })
}
