//! `/todos` and `/lists/{list}/todos`: a list as programs written for Todo-Backend know it.
//!
//! Such programs do not poll: what they wrote has to be there when the request succeeds. So each write is
//! answered when it is saved ([`waiting`](crate::waiting)), and a write that is accepted but not saved in
//! time gets a 504 that says so. In other respects this is the same list as under `/todo`, by the same rules.

mod clear;
mod place;
mod read;
mod write;

use std::sync::Arc;

use axum::{http::StatusCode, routing::get};
use events::Order;
use serde::Serialize;
use service::problem::Problem;
use store::Item;
use tower_http::cors::{AllowOrigin, CorsLayer};
use utoipa::{
    ToSchema,
    openapi::{
        RefOr, Required, Schema,
        path::{ParameterBuilder, ParameterIn},
    },
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::App,
    cors::for_pages_of,
    idempotent::{once, served},
    openapi::{operations, refusals, schemas},
    prefer::{Prefer, Wait},
    waiting::MOST_AWAITED,
};
use place::Collection;

/// Timeout of a write, save included (seconds).
const LIMIT_S: u32 = 10;

/// The fields that a caller may send.
const KNOWN: &str = "`title`, `completed` and `order`";

/// Fields that may be sent because they are in responses, though they cannot be changed.
const FIXED: [&str; 1] = ["url"];

/// Routes of `/todos` and `/lists/{list}/todos`, without the CORS layer.
pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    let usual = OpenApiRouter::default()
        .routes(served(
            routes!(read::list, write::add, clear::clear),
            get(read::list)
                .post(once(write::add))
                .delete(once(clear::clear).busy(LIMIT_S)),
        ))
        .routes(served(
            routes!(read::show, write::change, write::delete),
            get(read::show)
                .patch(once(write::change))
                .delete(once(write::delete)),
        ));
    let mut named = OpenApiRouter::default().nest("/lists/{list}", usual.clone());
    for item in named.get_openapi_mut().paths.paths.values_mut() {
        for operation in operations(item) {
            let responses = &mut operation.responses.responses;
            // An invalid name of a list is 404.
            responses.insert("404".to_owned(), refusals::refusal("404"));
            let id = operation.operation_id.get_or_insert_default();
            id.push_str("OfList");
            let list = ParameterBuilder::new()
                .name("list")
                .parameter_in(ParameterIn::Path)
                .required(Required::True)
                .description(Some("The list."))
                .schema(Some(RefOr::<Schema>::Ref(schemas::list_name())));
            let parameters = operation.parameters.get_or_insert_default();
            parameters.insert(0, RefOr::T(list.build()));
        }
    }
    usual.merge(named)
}

/// CORS layer that allows pages of every origin, as Todo-Backend needs. It applies unless the operator sets
/// another. A token is still required where the API requires one, and a page has it only from its user.
pub(crate) fn open() -> CorsLayer {
    for_pages_of(AllowOrigin::any())
}

/// A todo, as Todo-Backend has it.
#[derive(Serialize, ToSchema)]
#[schema(as = Todo, example = json!({
    "title": "buy milk", "completed": false, "order": 1_795_186_294.503_015,
    "url": "http://localhost:8081/todos/01a1f961-0f41-7277-9d2b-20d8f82dad2d",
}))]
pub(crate) struct Todo<'a> {
    #[schema(value_type = schemas::ItemText)]
    title: &'a str,
    /// Whether it is done.
    completed: bool,
    /// Its place in the list, smaller first.
    #[schema(value_type = f64)]
    order: Order,
    /// Its address; absolute, if the request says by `Host` whom it asks.
    #[schema(format = "uri-reference")]
    url: String,
}

impl Collection {
    fn todo<'a>(&self, item: &'a Item) -> Todo<'a> {
        Todo {
            title: item.item.as_str(),
            completed: item.completed,
            order: item.order,
            url: self.url_of(item.id),
        }
    }
}

/// The wait that every write here uses. Fails, before anything is accepted, if too many requests wait
/// already.
fn wait(app: &App) -> Result<Prefer, Problem> {
    if app.replies.awaited() >= MOST_AWAITED {
        let detail = "too many wait for a save now, and nothing was accepted; try again";
        return Err(Problem::unavailable(1, detail));
    }
    Ok(Prefer(Some(Wait::of(LIMIT_S))))
}

/// 504: accepted, but not saved in time. It is no 503, since that promises that trying again is right.
fn not_saved_in_time() -> Problem {
    Problem::new(StatusCode::GATEWAY_TIMEOUT, "not-saved-in-time").detail(format!(
        "this was accepted and will be saved, only not within {LIMIT_S} s; look for it later and do \
         not send it again, unless with the same `Idempotency-Key`"
    ))
}
