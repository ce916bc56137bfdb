//! `POST /todo`: adds an item.

use std::sync::Arc;

use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::StatusCode,
    response::Response,
};
use events::{ItemId, ItemText, ListName, NewItem};
use serde::{Deserialize, Serialize};
use service::problem::Problem;
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};

use crate::{
    accept::TakesJson,
    app::{App, Cause},
    body::Fields,
    key::Key,
    list::bad_query,
    openapi::{parameters, refusals, schemas},
    prefer::Prefer,
    representation::{ItemDocument, accepted, created},
    waiting::Outcome,
};

/// Query parameters of `POST /todo` and `POST /todo/batch`, not yet validated.
#[derive(Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Place {
    /// The list, as long as what is sent names no other.
    #[param(value_type = Option<schemas::ListName>, nullable = false)]
    list: Option<String>,
}

/// What was accepted.
#[derive(Serialize, ToSchema)]
#[schema(as = AcceptedItem, example = json!({
    "id": "01a1f961-0f41-7277-9d2b-20d8f82dad2d", "list": "default", "item": "buy milk",
}))]
pub(crate) struct Added<'a> {
    /// Its identifier from now on.
    #[schema(value_type = Uuid)]
    id: ItemId,
    #[schema(value_type = schemas::ListName)]
    list: &'a str,
    #[schema(value_type = schemas::ItemText)]
    item: &'a str,
}

/// Publishes an item: `{"item": "buy milk"}`, with its `list` in the body or in the address. A
/// caller who waits hears 201 when it is saved.
#[utoipa::path(
    post,
    path = "/todo",
    operation_id = "addItem",
    tag = "items",
    summary = "Add an item",
    description = "Publishes that an item was added. With `Prefer: wait=N`, the answer comes when it is saved.",
    params(Place, parameters::Key, parameters::Wait),
    request_body = schemas::NewItem,
    responses(
        (
            status = 202,
            description = "the event is stored, and the item will be saved",
            body = Added,
            headers(("location" = String, description = "the item's address")),
            links(
                ("show" = (operation_id = "showItem", parameters(("id" = "$response.body#/id")))),
                ("change" = (operation_id = "changeItem", parameters(("id" = "$response.body#/id")))),
                ("delete" = (operation_id = "deleteItem", parameters(("id" = "$response.body#/id")))),
            ),
        ),
        (
            status = 201,
            description = "the item is saved",
            body = ItemDocument,
            headers(
                ("location" = String, description = "the item's address"),
                ("etag" = String, description = "the item's version"),
                ("preference-applied" = String, description = "the wait that was heeded"),
            ),
            links(
                ("show" = (operation_id = "showItem", parameters(("id" = "$response.body#/id")))),
                ("change" = (operation_id = "changeItem", parameters(("id" = "$response.body#/id")))),
                ("delete" = (operation_id = "deleteItem", parameters(("id" = "$response.body#/id")))),
                ("showAsTodo" = (
                    operation_id = "showTodoOfList",
                    parameters(("list" = "$response.body#/list"), ("id" = "$response.body#/id")),
                )),
                ("changeAsTodo" = (
                    operation_id = "changeTodoOfList",
                    parameters(("list" = "$response.body#/list"), ("id" = "$response.body#/id")),
                )),
                ("deleteAsTodo" = (
                    operation_id = "deleteTodoOfList",
                    parameters(("list" = "$response.body#/list"), ("id" = "$response.body#/id")),
                )),
            ),
        ),
        refusals::Body,
        refusals::Once,
        refusals::Keyed,
    ),
)]
pub(crate) async fn add(
    State(app): State<Arc<App>>,
    place: Result<Query<Place>, QueryRejection>,
    _: TakesJson,
    key: Key,
    cause: Cause,
    prefer: Prefer,
    fields: Fields,
) -> Result<Response, Problem> {
    let Query(place) = place.map_err(|_| bad_query())?;
    let (item, list) = wanted(fields, place)?;
    let id = key.item();
    let now = OffsetDateTime::now_utc();
    let event = NewItem {
        id: Some(id),
        list: Some(list),
        item,
        added_at: Some(now),
    };
    let envelope = cause.seal(&event, id.into(), now);
    let keyed = key.is_given().then(|| Arc::clone(&app.keyed));
    let acceptance = app.accept(&cause, vec![envelope], id, prefer).await?;
    if let Some(keyed) = keyed {
        keyed.remember(id);
    }
    let added = Added {
        id,
        list: event.list.as_ref().map_or("", ListName::as_str),
        item: event.item.as_str(),
    };
    let is_known = |outcome: &Outcome| !matches!(outcome, Outcome::Missing);
    let answer = acceptance.answer(accepted(id, &added), is_known, |outcome| match outcome {
        Outcome::There(item) => Ok(created(&item)),
        Outcome::Gone | Outcome::Missing => Err(deleted_since()),
    });
    Ok(answer.await)
}

/// 410: the key is that of an earlier request, whose item does not exist any more.
pub(crate) fn deleted_since() -> Problem {
    Problem::new(StatusCode::GONE, "deleted-since").detail(
        "the item that this `Idempotency-Key` stands for was added and has been deleted; to add \
         it again, send another key",
    )
}

/// Reads the item to add: its text and its list.
pub(crate) fn wanted(mut fields: Fields, place: Place) -> Result<(ItemText, ListName), Problem> {
    let item = fields.required_text("item");
    let list = list(&mut fields, place);
    fields.finish("`item` and `list`")?;
    let Some(item) = item else {
        unreachable!("an item that is missing or wrong is a fault")
    };
    Ok((item, list.unwrap_or_default()))
}

/// The list, from wherever it is named.
fn list(fields: &mut Fields, place: Place) -> Option<ListName> {
    let in_body: Option<ListName> = fields.text("list");
    let Some(in_address) = place.list else {
        return in_body;
    };
    match ListName::try_from(in_address) {
        Err(invalid) => fields.fault("list", invalid.to_string()),
        Ok(in_address) => {
            if in_body.is_some_and(|in_body| in_body != in_address) {
                return fields.fault("list", "must not be another one than in the address");
            }
            Some(in_address)
        }
    }
}
