//! `/todos` and `/lists/{list}/todos`: a list as programs written for Todo-Backend know it.
//!
//! Such programs do not wait and look again: what they wrote has to be there when they hear yes. So each
//! write is answered when it is saved ([`waiting`](crate::waiting)), and what is accepted but not saved in
//! time is a 504 that says so. In other respects this is the same list as under `/todo`, by the
//! same rules.

mod clear;
mod place;

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderName, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{MethodRouter, get},
};
use events::{ItemDeleted, ItemText, NewItem, Order};
use serde::{Deserialize, Serialize};
use service::{http::REQUEST_ID, problem::Problem};
use store::Item;
use time::OffsetDateTime;
use tower_http::cors::{Any, CorsLayer};

use crate::{
    absent::no_item,
    add::deleted_since,
    app::{App, Cause},
    body::Fields,
    change::{Change, nothing_to_change},
    key::Key,
    list::{Part, Wish, bad_query, links},
    options,
    prefer::{Prefer, Wait},
    waiting::{MOST_AWAITED, Outcome},
};
use place::{Collection, Entry};

/// How long a write may take until it is saved (seconds).
const LIMIT_S: u32 = 10;

/// How many todos an answer has, unless the caller says: as many as may be.
const USUAL: u32 = crate::list::MOST;

/// The fields that a caller may send.
const KNOWN: &str = "`title`, `completed` and `order`";

/// What a caller may send along because it was in an answer, though it cannot be changed.
const FIXED: [&str; 1] = ["url"];

/// The addresses, without the say of other sites' pages over them.
pub(crate) fn routes() -> Router<Arc<App>> {
    let collection: MethodRouter<Arc<App>> = get(list).post(add).delete(clear::clear);
    let collection = collection.merge(options::allow("GET,HEAD,POST,DELETE,OPTIONS"));
    let entry: MethodRouter<Arc<App>> = get(show).patch(change).delete(delete);
    let entry = entry.merge(options::allow("GET,HEAD,PATCH,DELETE,OPTIONS"));
    Router::new()
        .route("/todos", collection.clone())
        .route("/todos/{id}", entry.clone())
        .route("/lists/{list}/todos", collection)
        .route("/lists/{list}/todos/{id}", entry)
}

/// Pages of any site may use them: that is what Todo-Backend is for. A token is still asked for where the
/// API wants one, and no page has it but by its user.
pub(crate) fn open() -> CorsLayer {
    const EXPOSED: [HeaderName; 4] = [
        header::LINK,
        header::LOCATION,
        header::RETRY_AFTER,
        REQUEST_ID,
    ];
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::POST, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            HeaderName::from_static(crate::key::HEADER),
            REQUEST_ID,
        ])
        .expose_headers(EXPOSED)
        .max_age(Duration::from_hours(1))
}

/// A todo, as Todo-Backend has it.
#[derive(Serialize)]
struct Todo<'a> {
    title: &'a str,
    completed: bool,
    order: Order,
    url: String,
}

/// What the address may say.
#[derive(Deserialize)]
struct Range {
    limit: Option<String>,
    after: Option<String>,
}

/// Answers with the todos of a list, the newest last: a bare array. Of a list that is longer than
/// that, the header `Link` says where it begins and goes on.
async fn list(
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
async fn show(State(app): State<Arc<App>>, entry: Entry) -> Result<Response, Problem> {
    let item = entry.find(&app).await?;
    Ok(Json(entry.collection.todo(&item)).into_response())
}

/// Adds a todo: its `title`, and, if it shall not be the usual, its `order` and whether it is
/// `completed`. Answers 201 when it is saved.
async fn add(
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
    // What is said of an item that is not there yet shows when it is. So if only a part of this is
    // accepted, there is no todo, and the caller may try again.
    let rest = rest.seal(id, &key, &cause);
    let acceptance = Arc::clone(&app).accept_after(rest, vec![added], id, wait(&app)?);
    let acceptance = acceptance.await?;
    let is_known = |outcome: &Outcome| !matches!(outcome, Outcome::Missing);
    let location = [(header::LOCATION, collection.url_of(id))];
    Ok(match acceptance.outcome(is_known).await {
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
async fn change(
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
    let acceptance = app.accept(envelopes, entry.id, wait).await?;
    let is_changed = |outcome: &Outcome| match outcome {
        Outcome::There(item) => change.shows_in(item),
        Outcome::Gone | Outcome::Missing => true,
    };
    match acceptance.outcome(is_changed).await {
        Some(Outcome::There(item)) => Ok(Json(entry.collection.todo(&item)).into_response()),
        Some(Outcome::Gone | Outcome::Missing) => Err(no_item()),
        None => Err(not_saved_in_time()),
    }
}

/// Deletes a todo. Answers 204 when it is gone.
async fn delete(
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
    let acceptance = app.accept(vec![envelope], id, wait).await?;
    let is_gone = |outcome: &Outcome| !matches!(outcome, Outcome::There(_));
    match acceptance.outcome(is_gone).await {
        Some(Outcome::Missing) => Err(no_item()),
        Some(_) => Ok(StatusCode::NO_CONTENT.into_response()),
        None => Err(not_saved_in_time()),
    }
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

/// Every write here is waited for. Fails, before anything is accepted, if too many wait already.
fn wait(app: &App) -> Result<Prefer, Problem> {
    if app.replies.awaited() >= MOST_AWAITED {
        let detail = "too many wait for a save now, and nothing was accepted; try again";
        return Err(Problem::unavailable(1, detail));
    }
    Ok(Prefer(Some(Wait::of(LIMIT_S))))
}

/// 504: yes, but not here and now. It is no 503, which promises that trying again is right.
fn not_saved_in_time() -> Problem {
    Problem::new(StatusCode::GATEWAY_TIMEOUT, "not-saved-in-time").detail(format!(
        "this was accepted and will be saved, only not within {LIMIT_S} s; look for it later and do \
         not send it again, unless with the same `Idempotency-Key`"
    ))
}
