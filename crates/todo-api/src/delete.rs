//! `DELETE /todo/{id}`: deletes an item.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use events::ItemDeleted;
use service::problem::Problem;
use time::OffsetDateTime;

use crate::{
    absent::no_item,
    accept::TakesJson,
    app::{App, Cause, named},
    condition::IfMatch,
    key::Key,
    openapi::{parameters, refusals},
    prefer::Prefer,
    representation::{Accepted, accepted},
    waiting::Outcome,
};

/// Publishes that an item is gone. A caller who waits hears 204 when it is. With `If-Match`, only if the
/// item is as the caller knows it ([`crate::condition`] says what that promises).
#[utoipa::path(
    delete,
    path = "/todo/{id}",
    operation_id = "deleteItem",
    tag = "items",
    summary = "Delete an item",
    description = "Publishes that an item is gone. With `Prefer: wait=N`, the answer comes when it is.",
    params(parameters::Id, parameters::IfMatch, parameters::Key, parameters::Wait),
    responses(
        (
            status = 202,
            description = "the event is stored, and the item will be deleted",
            body = Accepted,
            headers(("location" = String, description = "the item's address")),
        ),
        (
            status = 204,
            description = "the item is gone",
            headers(("preference-applied" = String, description = "the wait that was heeded")),
        ),
        refusals::Reading,
        refusals::Once,
        refusals::OfItem,
        refusals::Conditional,
    ),
)]
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    (_, if_match): (TakesJson, IfMatch),
    key: Key,
    cause: Cause,
    prefer: Prefer,
) -> Result<Response, Problem> {
    let id = named(&id)?;
    app.expect(id, &if_match, &cause).await?;
    let event = ItemDeleted { id };
    let envelope = cause.seal(
        &event,
        key.event::<ItemDeleted>(id),
        OffsetDateTime::now_utc(),
    );
    let acceptance = app.accept(&cause, vec![envelope], id, prefer).await?;
    let is_gone = |outcome: &Outcome| !matches!(outcome, Outcome::There(_));
    let answer = acceptance.answer(
        accepted(id, &Accepted { id }),
        is_gone,
        |outcome| match outcome {
            // Deleting wins over whatever else happens to an item.
            Outcome::Gone | Outcome::There(_) => Ok(StatusCode::NO_CONTENT.into_response()),
            Outcome::Missing => Err(no_item()),
        },
    );
    Ok(answer.await)
}
