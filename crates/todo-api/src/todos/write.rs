//! Adding, changing and deleting todos.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use events::{ItemDeleted, ItemText, NewItem};
use service::{http::Json, problem::Problem};
use time::OffsetDateTime;

use super::{
    FIXED, KNOWN, Todo, not_saved_in_time,
    place::{Collection, Entry},
    wait,
};
use crate::{
    absent::no_item,
    add::deleted_since,
    app::{App, Cause},
    body::Fields,
    change::{Change, nothing_to_change},
    key::Key,
    openapi::{parameters, refusals, schemas},
    waiting::Outcome,
};

/// Adds a todo: its `title`, and, if it shall not be the usual, its `order` and whether it is
/// `completed`. Answers 201 when it is saved.
#[utoipa::path(
    post,
    path = "/todos",
    operation_id = "addTodo",
    tag = "todos",
    summary = "Add a todo",
    description = "Answered when it is saved.",
    params(parameters::Key),
    request_body = schemas::NewTodo,
    responses(
        (
            status = 201,
            description = "the todo is saved",
            body = Todo,
            headers(("location" = String, description = "the todo's address")),
        ),
        refusals::Body,
        refusals::Once,
        refusals::Keyed,
        refusals::InTime,
    ),
)]
pub(super) async fn add(
    State(app): State<Arc<App>>,
    collection: Collection,
    key: Key,
    cause: Cause,
    mut fields: Fields,
) -> Result<Response, Problem> {
    let title: Option<ItemText> = fields.required_text("title");
    let rest = Change {
        item: None,
        completed: fields.flag("completed").filter(|completed| *completed),
        order: fields.number("order"),
    };
    fields.leave(&FIXED);
    fields.finish(KNOWN)?;
    let Some(item) = title else {
        unreachable!("a title that is missing or wrong is a fault")
    };

    let (id, now) = (key.item(), OffsetDateTime::now_utc());
    let event = NewItem {
        id: Some(id),
        list: Some(collection.list.clone()),
        item,
        added_at: Some(now),
    };
    let added = cause.seal(&event, id.into(), now);
    // Events about an item that does not exist yet take effect when it does. So if only these are accepted,
    // there is no todo, and the caller may try again.
    let rest = rest.seal(id, &key, &cause);
    let acceptance = Arc::clone(&app).accept_after(&cause, rest, vec![added], id, wait(&app)?);
    let acceptance = acceptance.await?;
    let is_known = |outcome: &Outcome| !matches!(outcome, Outcome::Missing);
    let location = [(header::LOCATION, collection.url_of(id))];
    Ok(match acceptance.saved(is_known).await {
        Some(Outcome::There(item)) => {
            let todo = Json(collection.todo(&item));
            (StatusCode::CREATED, location, todo).into_response()
        }
        Some(Outcome::Gone | Outcome::Missing) => deleted_since().into_response(),
        None => (location, not_saved_in_time()).into_response(),
    })
}

/// Changes a todo: its `title`, its `order`, whether it is `completed`. Answers 200 when all of that is
/// saved.
#[utoipa::path(
    patch,
    path = "/todos/{id}",
    operation_id = "changeTodo",
    tag = "todos",
    summary = "Change a todo",
    description = "Answered when all of the change is saved.",
    params(parameters::Id, parameters::Key),
    request_body(content(
        (schemas::TodoChange = "application/json"), (schemas::TodoChange = "application/merge-patch+json"),
    )),
    responses(
        (status = 200, description = "the todo as it is saved", body = Todo),
        refusals::Body,
        refusals::Once,
        refusals::OfItem,
        refusals::InTime,
    ),
)]
pub(super) async fn change(
    State(app): State<Arc<App>>,
    entry: Entry,
    key: Key,
    cause: Cause,
    mut fields: Fields,
) -> Result<Response, Problem> {
    let change = Change {
        item: fields.text("title"),
        completed: fields.flag("completed"),
        order: fields.number("order"),
    };
    fields.leave(&FIXED);
    fields.finish(KNOWN)?;
    if change.is_empty() {
        return Err(nothing_to_change(KNOWN));
    }
    entry.find(&app).await?;
    let envelopes = change.seal(entry.id, &key, &cause);
    let wait = wait(&app)?;
    let acceptance = app.accept(&cause, envelopes, entry.id, wait).await?;
    let is_changed = |outcome: &Outcome| match outcome {
        Outcome::There(item) => change.shows_in(item),
        Outcome::Gone | Outcome::Missing => true,
    };
    match acceptance.saved(is_changed).await {
        Some(Outcome::There(item)) => Ok(Json(entry.collection.todo(&item)).into_response()),
        Some(Outcome::Gone | Outcome::Missing) => Err(no_item()),
        None => Err(not_saved_in_time()),
    }
}

/// Deletes a todo. Answers 204 when it is gone.
#[utoipa::path(
    delete,
    path = "/todos/{id}",
    operation_id = "deleteTodo",
    tag = "todos",
    summary = "Delete a todo",
    description = "Answered when it is gone.",
    params(parameters::Id, parameters::Key),
    responses(
        (status = 204, description = "the todo is gone"),
        refusals::Reading,
        refusals::Once,
        refusals::OfItem,
        refusals::InTime,
    ),
)]
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    entry: Entry,
    key: Key,
    cause: Cause,
) -> Result<Response, Problem> {
    entry.find(&app).await?;
    let id = entry.id;
    let (event, event_id) = (ItemDeleted { id }, key.event::<ItemDeleted>(id));
    let envelope = cause.seal(&event, event_id, OffsetDateTime::now_utc());
    let wait = wait(&app)?;
    let acceptance = app.accept(&cause, vec![envelope], id, wait).await?;
    let is_gone = |outcome: &Outcome| !matches!(outcome, Outcome::There(_));
    match acceptance.saved(is_gone).await {
        Some(Outcome::Missing) => Err(no_item()),
        Some(_) => Ok(StatusCode::NO_CONTENT.into_response()),
        None => Err(not_saved_in_time()),
    }
}
