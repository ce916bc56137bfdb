//! Reading todos.

use std::sync::Arc;

use axum::{
    extract::{Query, State, rejection::QueryRejection},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use service::{http::Json, problem::Problem};
use utoipa::IntoParams;

use super::{
    Todo,
    place::{Collection, Entry},
};
use crate::{
    app::App,
    list::{MOST, Part, Wish, bad_query, links},
    openapi::{parameters, refusals},
};

/// Default size of a page, in todos: the maximum.
const USUAL: u32 = MOST;

/// Query parameters of `GET /todos`, not yet validated.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Range {
    /// The most todos of the answer.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, default = 1000, nullable = false)]
    limit: Option<String>,
    /// Where to begin, as `Link` gave it.
    #[param(
        nullable = false,
        pattern = "^([A-Za-eg-z0-9-][A-Za-z0-9_-]|[f_][A-Za-z0-9-])[A-Za-z0-9_-]{30}$"
    )]
    after: Option<String>,
}

/// Answers with the todos of a list, the newest last, as a bare array. For a list longer than a page, the
/// header `Link` has the first page and the next.
#[utoipa::path(
    get,
    path = "/todos",
    operation_id = "listTodos",
    tag = "todos",
    summary = "List todos",
    description = "The newest last. Of a list that is longer than an answer may be, `Link` says where it goes on.",
    params(Range),
    responses(
        (
            status = 200,
            description = "the todos",
            body = [Todo],
            headers(("link" = String, description = "where the `first` page is, and the `next` one if there is any")),
        ),
        refusals::Reading,
    ),
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    collection: Collection,
    range: Result<Query<Range>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(range) = range.map_err(|_| bad_query())?;
    let wish = Wish {
        list: None,
        limit: Some(range.limit.unwrap_or_else(|| USUAL.to_string())),
        after: range.after,
    };
    let part = Part::try_from(&wish)?;
    let page = app
        .ask(async |items| items.list(&collection.list, part.after, part.limit).await)
        .await?;
    let links = links(&collection.path, &wish, page.next);
    let todos: Vec<_> = page
        .items
        .iter()
        .map(|item| collection.todo(item))
        .collect();
    Ok(([links], Json(todos)).into_response())
}

/// Answers with a todo as it was last saved.
#[utoipa::path(
    get,
    path = "/todos/{id}",
    operation_id = "showTodo",
    tag = "todos",
    summary = "Show a todo",
    description = "As it was last saved.",
    params(parameters::Id),
    responses(
        (status = 200, description = "the todo", body = Todo),
        refusals::Reading,
        refusals::OfItem,
    ),
)]
pub(super) async fn show(State(app): State<Arc<App>>, entry: Entry) -> Result<Response, Problem> {
    let item = entry.find(&app).await?;
    Ok(Json(entry.collection.todo(&item)).into_response())
}
