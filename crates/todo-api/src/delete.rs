//! `DELETE /todo/{id}`: deletes an item.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::Response,
};
use events::ItemDeleted;
use service::problem::Problem;
use time::OffsetDateTime;

use crate::{
    app::{App, Cause, named},
    key::Key,
    representation::{Accepted, accepted},
};

/// Publishes that an item is gone.
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    key: Key,
    cause: Cause,
) -> Result<Response, Problem> {
    let id = named(&id)?;
    app.expect(id).await?;
    let event = ItemDeleted { id };
    let envelope = cause.seal(
        &event,
        key.event::<ItemDeleted>(id),
        OffsetDateTime::now_utc(),
    );
    app.publish(&envelope, id).await?;
    Ok(accepted(id, &Accepted { id }))
}
