//! `GET /todo`: lists items, page by page.

use std::sync::Arc;

use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};
use events::ListName;
use serde::Deserialize;
use service::{http::Json, problem::Problem};
use store::Cursor;
use url::form_urlencoded;
use utoipa::IntoParams;

use crate::{
    accept::TakesJson,
    app::App,
    openapi::{refusals, schemas},
    representation::PageDocument,
};

/// Default size of a page, in items.
pub(crate) const USUAL: u32 = 100;
pub(crate) const MOST: u32 = 1000;

/// Query parameters as text, so that every invalid one can be named.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wish {
    /// The list.
    #[param(value_type = Option<schemas::ListName>, nullable = false, default = "default")]
    pub(crate) list: Option<String>,
    /// The most items of the answer.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, default = 100, nullable = false)]
    pub(crate) limit: Option<String>,
    /// Where to begin: `next` of the page before.
    #[param(
        nullable = false,
        pattern = "^([A-Za-eg-z0-9-][A-Za-z0-9_-]|[f_][A-Za-z0-9-])[A-Za-z0-9_-]{30}$",
        example = json!("QdrAA6-gLe4BofmWZxN2SI_5RFGBoB4X")
    )]
    pub(crate) after: Option<String>,
}

/// Validated query parameters.
pub(crate) struct Part {
    pub(crate) list: ListName,
    pub(crate) limit: u32,
    pub(crate) after: Option<Cursor>,
}

/// Answers with the items of a list, the newest last, and where the next page begins.
#[utoipa::path(
    get,
    path = "/todo",
    operation_id = "listItems",
    tag = "items",
    summary = "List items",
    description = "A part of a list, the newest item last. Pages are cut by place and not by number, so that what \
                   comes and goes in between makes none of them skip or repeat an item.",
    params(Wish),
    responses(
        (
            status = 200,
            description = "a part of the list",
            body = PageDocument,
            headers(("link" = String, description = "where the `first` page is, and the `next` one if there is any")),
        ),
        refusals::Reading,
        refusals::Fields,
    ),
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    _: TakesJson,
    wish: Result<Query<Wish>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(wish) = wish.map_err(|_| bad_query())?;
    let part = Part::try_from(&wish)?;
    let page = app
        .ask(async |items| items.list(&part.list, part.after, part.limit).await)
        .await?;
    let links = links("/todo", &wish, page.next);
    Ok(([links], Json(PageDocument::from(&page))).into_response())
}

/// Builds the header `Link` to the first page, and to the next one if there is any (RFC 8288).
pub(crate) fn links(path: &str, wish: &Wish, next: Option<Cursor>) -> (HeaderName, String) {
    let first = format!("<{}>; rel=\"first\"", address(path, wish, None));
    let links = match next.map(|next| address(path, wish, Some(&next.to_string()))) {
        Some(next) => format!("{first}, <{next}>; rel=\"next\""),
        None => first,
    };
    (header::LINK, links)
}

/// The address of the page after the cursor `after`, with the other parameters kept.
fn address(path: &str, wish: &Wish, after: Option<&str>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    let (list, limit) = (wish.list.as_deref(), wish.limit.as_deref());
    for (name, value) in [("list", list), ("limit", limit), ("after", after)] {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    let query = query.finish();
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{path}{mark}{query}")
}

impl TryFrom<&Wish> for Part {
    type Error = Problem;

    fn try_from(wish: &Wish) -> Result<Self, Problem> {
        let limit = wish.limit.as_deref().map_or(Ok(USUAL), str::parse);
        let limit = limit.ok().filter(|limit| (1..=MOST).contains(limit));
        let after = wish.after.as_deref().map(str::parse::<Cursor>).transpose();
        let list = wish
            .list
            .as_deref()
            .map_or(Ok(ListName::default()), str::parse);
        match (list, limit, after) {
            (Ok(list), Some(limit), Ok(after)) => Ok(Self { list, limit, after }),
            (list, limit, after) => {
                // An invalid list name is refused as it is in a body; the other parameters exist only in this
                // address.
                let only_list = limit.is_some() && after.is_ok();
                let mut problem = if only_list { invalid() } else { bad_query() };
                if let Err(error) = list {
                    problem = problem.field("list", error.to_string());
                }
                if limit.is_none() {
                    let detail = format!("must be a whole number from 1 to {MOST}");
                    problem = problem.field("limit", detail);
                }
                if let Err(error) = after {
                    problem = problem.field("after", error.to_string());
                }
                Err(problem)
            }
        }
    }
}

/// 400: the query parameters are invalid.
pub(crate) fn bad_query() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "bad-query")
        .detail("give each parameter of the address at most once, as it is documented")
}

fn invalid() -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-field")
        .detail("change the fields in `errors`")
}
