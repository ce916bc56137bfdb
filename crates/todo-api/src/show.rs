//! `GET /todo/{id}`: shows an item.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use service::problem::Problem;

use crate::{
    app::{App, named, no_item},
    representation::ItemDocument,
};

/// Answers with an item as it was last saved.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = named(&id)?;
    let item = app.ask(async |items| items.get(id).await).await?;
    let item = item.ok_or_else(no_item)?;
    Ok(Json(ItemDocument::from(&item)).into_response())
}
