//! How an item is written in an answer. This is a promise to callers, so it is neither a row nor an
//! event, which change for reasons of their own.

use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use events::{ItemId, Order};
use serde::Serialize;
use store::{Item, Page};
use time::OffsetDateTime;

use crate::condition::etag;

/// An item.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ItemDocument<'a> {
    id: ItemId,
    list: &'a str,
    item: &'a str,
    completed: bool,
    order: Order,
    #[serde(with = "time::serde::rfc3339")]
    added_at: OffsetDateTime,
    version: i64,
}

impl<'a> From<&'a Item> for ItemDocument<'a> {
    fn from(item: &'a Item) -> Self {
        Self {
            id: item.id,
            list: item.list.as_str(),
            item: item.item.as_str(),
            completed: item.completed,
            order: item.order,
            added_at: item.added_at,
            version: item.version,
        }
    }
}

/// 201: the item is saved, as the body says.
pub(crate) fn created(item: &Item) -> Response {
    let location = [(header::LOCATION, format!("/todo/{}", item.id))];
    (StatusCode::CREATED, location, changed(item)).into_response()
}

/// 200: the item as it is saved.
pub(crate) fn changed(item: &Item) -> Response {
    ([etag(item.version)], Json(ItemDocument::from(item))).into_response()
}

/// A part of a list.
#[derive(Serialize)]
pub(crate) struct PageDocument<'a> {
    items: Vec<ItemDocument<'a>>,
    /// What to send as `after` for the next part.
    next: Option<String>,
}

impl<'a> From<&'a Page> for PageDocument<'a> {
    fn from(page: &'a Page) -> Self {
        Self {
            items: page.items.iter().map(ItemDocument::from).collect(),
            next: page.next.map(|next| next.to_string()),
        }
    }
}

/// How much there is in a list.
#[derive(Serialize)]
pub(crate) struct CountDocument<'a> {
    pub(crate) list: &'a str,
    pub(crate) total: i64,
    pub(crate) completed: i64,
}

/// 202: the events about `id` are stored, and what follows from them comes. The body says what was
/// accepted.
pub(crate) fn accepted(id: ItemId, body: &impl Serialize) -> Response {
    let location = [(header::LOCATION, format!("/todo/{id}"))];
    (StatusCode::ACCEPTED, location, Json(body)).into_response()
}

/// What was accepted, when the caller knows the rest.
#[derive(Serialize)]
pub(crate) struct Accepted {
    pub(crate) id: ItemId,
}
