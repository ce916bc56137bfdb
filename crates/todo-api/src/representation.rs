//! JSON representation of an item. Callers depend on it, so it is a type of its own: neither a row nor an
//! event, which change for reasons of their own.

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use events::{ItemId, Order};
use serde::Serialize;
use service::http::Json;
use store::{Item, Page};
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::{
    condition::etag,
    openapi::schemas::{ItemText, ListName},
};

/// An item as it was last saved.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Item, example = json!({
    "id": "01a1f961-0f41-7277-9d2b-20d8f82dad2d", "list": "default", "item": "buy milk",
    "completed": false, "order": 1_795_186_294.503_015, "addedAt": "2026-11-20T14:51:34.502595Z", "version": 1,
}))]
pub(crate) struct ItemDocument<'a> {
    /// Its identifier.
    #[schema(value_type = Uuid)]
    id: ItemId,
    #[schema(value_type = ListName)]
    list: &'a str,
    #[schema(value_type = ItemText)]
    item: &'a str,
    /// Whether it is done.
    completed: bool,
    /// Its place in the list, smaller first.
    #[schema(value_type = f64)]
    order: Order,
    /// When it was added.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    added_at: OffsetDateTime,
    /// How many saves have changed it. Its `ETag` is this in quotes.
    #[schema(minimum = 1)]
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
#[derive(Serialize, ToSchema)]
#[schema(as = Page)]
pub(crate) struct PageDocument<'a> {
    /// The items in the list's order, the newest last.
    items: Vec<ItemDocument<'a>>,
    /// What to send as `after` for the next part, if there is one.
    #[schema(required)]
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

/// Number of items in a list.
#[derive(Serialize)]
pub(crate) struct CountDocument<'a> {
    pub(crate) list: &'a str,
    pub(crate) total: i64,
    pub(crate) completed: i64,
}

/// 202: the events about `id` are stored, and their effects will come. The body says what was accepted.
pub(crate) fn accepted(id: ItemId, body: &impl Serialize) -> Response {
    let location = [(header::LOCATION, format!("/todo/{id}"))];
    (StatusCode::ACCEPTED, location, Json(body)).into_response()
}

/// What was accepted, when the caller knows the rest.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "01a1f961-0f41-7277-9d2b-20d8f82dad2d"}))]
pub(crate) struct Accepted {
    /// The item's identifier.
    #[schema(value_type = Uuid)]
    pub(crate) id: ItemId,
}
