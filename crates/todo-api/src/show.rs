//! `GET /todo/{id}`: shows an item.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::{HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};
use service::{http::Json, problem::Problem};

use crate::{
    accept::TakesJson,
    app::{App, named},
    condition::{IfNoneMatch, etag},
    openapi::{parameters, refusals},
    prefer::Prefer,
    representation::ItemDocument,
};

/// Allows private caches, which have to revalidate each time.
const ASK_AGAIN: (HeaderName, &str) = (header::CACHE_CONTROL, "private, no-cache");

/// Answers with an item as it was last saved, or with 304 if the caller has this version already. A caller
/// who waits for an item that is not saved yet gets it as soon as it is.
#[utoipa::path(
    get,
    path = "/todo/{id}",
    operation_id = "showItem",
    tag = "items",
    summary = "Show an item",
    description = "The item as it was last saved. With `Prefer: wait=N`, one that was accepted and is not saved yet \
                   is waited for.",
    params(parameters::Id, parameters::IfNoneMatch, parameters::Wait),
    responses(
        (
            status = 200,
            description = "the item",
            body = ItemDocument,
            headers(
                ("etag" = String, description = "the item's version"),
                ("cache-control" = String, description = "it may be kept, and is asked for again each time"),
            ),
        ),
        (
            status = 304,
            description = "the caller has it already",
            headers(("etag" = String, description = "the item's version")),
        ),
        refusals::Reading,
        refusals::OfItem,
    ),
)]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    _: TakesJson,
    if_none_match: IfNoneMatch,
    prefer: Prefer,
) -> Result<Response, Problem> {
    let id = named(&id)?;
    let item = app.find(id, prefer).await?;
    let headers = ([ASK_AGAIN], [etag(item.version)]);
    Ok(if if_none_match.knows(item.version) {
        (StatusCode::NOT_MODIFIED, headers).into_response()
    } else {
        (headers, Json(ItemDocument::from(&item))).into_response()
    })
}
