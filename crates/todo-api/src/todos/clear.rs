//! `DELETE` of a whole list.

use std::sync::Arc;

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use bus::Expected;
use events::{Envelope, ItemDeleted, header};
use futures_util::future::join_all;
use service::problem::Problem;
use store::Item;
use time::OffsetDateTime;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::{LIMIT_S, place::Collection, wait};
use crate::{
    app::{App, Cause},
    idempotent::left,
    key::Key,
    openapi::{parameters, refusals},
};

/// Page size of the deletion, in todos: enough to keep the save-handler busy, and few enough that other
/// requests can wait for their saves meanwhile.
const AT_A_TIME: u32 = 128;

/// Deletes all todos in the list, and answers 204 when all of them are gone. Todos that were accepted
/// elsewhere and are not saved yet are not in the list yet.
///
/// A repeated request deletes the rest, so its event ids need not be derived from the key.
#[utoipa::path(
    delete,
    path = "/todos",
    operation_id = "clearTodos",
    tag = "todos",
    summary = "Clear the list",
    description = "Deletes what is saved in the list, and answers when all of it is gone. If not all of it is in time, \
                   sending it again deletes the rest.",
    params(parameters::Key),
    responses(
        (status = 204, description = "everything is gone"),
        refusals::Reading,
        refusals::Once,
        refusals::InTime,
    ),
)]
pub(super) async fn clear(
    State(app): State<Arc<App>>,
    collection: Collection,
    _: Key,
    cause: Cause,
) -> Result<Response, Problem> {
    let until = Instant::now() + std::time::Duration::from_secs(LIMIT_S.into());
    let clearing = timeout_at(until, clear_all(&app, &collection, &cause, until));
    tokio::select! {
        () = app.stop.cancelled() => Err(not_all_gone()),
        () = left(cause.underway.as_ref()) => Err(not_all_gone()),
        cleared = clearing => cleared.unwrap_or_else(|_| Err(not_all_gone())),
    }?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn clear_all(
    app: &App,
    collection: &Collection,
    cause: &Cause,
    until: Instant,
) -> Result<(), Problem> {
    let mut after = None;
    loop {
        wait(app)?;
        let list = &collection.list;
        let page = app.ask(async |items| items.list(list, after, AT_A_TIME).await);
        let page = page.await?;
        let deletions = page.items.iter().map(|item| delete(app, item, cause));
        let (envelopes, expected): (Vec<_>, Vec<_>) = deletions.unzip();
        app.publish_all(&envelopes).await?;
        let rest = until.saturating_duration_since(Instant::now());
        let answers = join_all(expected.into_iter().map(|answer| answer.within(rest))).await;
        if answers.iter().any(Option::is_none) {
            return Err(not_all_gone());
        }
        if page.next.is_none() {
            return Ok(());
        }
        after = page.next;
    }
}

fn delete(app: &App, item: &Item, cause: &Cause) -> (Envelope, Expected) {
    let (id, event_id) = (item.id, Uuid::now_v7().into());
    let answer = app.replies.expect();
    let reply_to = Some(answer.reply_to().to_string());
    let envelope = cause
        .seal(&ItemDeleted { id }, event_id, OffsetDateTime::now_utc())
        .with(header::REPLY_TO, reply_to);
    (envelope, answer)
}

fn not_all_gone() -> Problem {
    Problem::new(StatusCode::GATEWAY_TIMEOUT, "not-cleared-in-time").detail(format!(
        "not everything was gone within {LIMIT_S} s; what was deleted stays so, and sending this again \
         deletes the rest"
    ))
}
