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
    prefer::Prefer,
    representation::{Accepted, accepted},
    waiting::Outcome,
};

/// Publishes that an item is gone. A caller who waits hears 204 when it is. With `If-Match`, only if the
/// item is as the caller knows it ([`crate::condition`] says what that promises).
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    (_, if_match): (TakesJson, IfMatch),
    key: Key,
    cause: Cause,
    prefer: Prefer,
) -> Result<Response, Problem> {
    let id = named(&id)?;
    app.expect(id, &if_match).await?;
    let event = ItemDeleted { id };
    let envelope = cause.seal(
        &event,
        key.event::<ItemDeleted>(id),
        OffsetDateTime::now_utc(),
    );
    let acceptance = app.accept(vec![envelope], id, prefer).await?;
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
