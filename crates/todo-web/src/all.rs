//! `/lists/{name}/…`: changes to all items of a list at once, by one event per item.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use events::{Event, ItemCompleted, ItemDeleted, ItemId, ItemReopened, ListName};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    app::{App, Cause},
    form::Sent,
    refusal::{Again, Refusal, Wanted},
    view::{Place, View},
};

/// Concurrent publishes.
const AT_A_TIME: usize = 64;

/// Items per page that is read from the database.
const READ: u32 = 1_000;

/// The fields of such a form.
#[derive(Default, Deserialize)]
pub(crate) struct Fields {
    #[serde(flatten)]
    place: Place,
}

/// Completes all items of the list.
pub(crate) async fn complete(
    app: State<Arc<App>>,
    list: Path<String>,
    cause: Cause,
    Sent(fields): Sent<Fields>,
) -> Result<Response, Refusal> {
    each(app, list, cause, fields, "complete", false, |id| {
        ItemCompleted { id }
    })
    .await
}

/// Reopens all completed items of the list.
pub(crate) async fn reopen(
    app: State<Arc<App>>,
    list: Path<String>,
    cause: Cause,
    Sent(fields): Sent<Fields>,
) -> Result<Response, Refusal> {
    each(app, list, cause, fields, "reopen", true, |id| {
        ItemReopened { id }
    })
    .await
}

/// Deletes all completed items of the list.
pub(crate) async fn clear(
    app: State<Arc<App>>,
    list: Path<String>,
    cause: Cause,
    Sent(fields): Sent<Fields>,
) -> Result<Response, Refusal> {
    each(app, list, cause, fields, "clear", true, |id| ItemDeleted {
        id,
    })
    .await
}

/// Publishes an event for each item whose state is `completed`.
///
/// It may stop half way. The form can be sent again: items whose events were accepted are then left out, or
/// get a second event, which has no effect.
async fn each<E: Event>(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    cause: Cause,
    fields: Fields,
    verb: &str,
    completed: bool,
    event: impl Fn(ItemId) -> E,
) -> Result<Response, Refusal> {
    let list: ListName = name
        .parse()
        .map_err(|_| Refusal::of(StatusCode::NOT_FOUND))?;
    let ids = app.ask(async |items| {
        let (mut ids, mut after) = (Vec::new(), None);
        loop {
            let page = items.list(&list, after, READ).await?;
            let chosen = page.items.iter().filter(|item| item.completed == completed);
            ids.extend(chosen.map(|item| item.id));
            after = page.next;
            if after.is_none() {
                return Ok(ids);
            }
        }
    });
    let ids = ids
        .await
        .map_err(|why| Refusal::unread(why, Wanted::EachItem).from(&fields.place))?;
    let (app, cause, event) = (&app, &cause, &event);
    let published = stream::iter(ids)
        .map(async |id| {
            app.publish(&event(id), Uuid::now_v7().into(), id, cause)
                .await
        })
        .buffer_unordered(AT_A_TIME)
        .try_collect::<()>();
    let view = fields.place.view();
    published.await.map_err(|why| {
        let again = Again {
            action: format!("/lists/{}/{verb}", View::of(list).list_segment()),
            order: None,
            key: None,
            place: fields.place,
        };
        Refusal::not_accepted(why, again)
    })?;
    Ok(Redirect::to(&view.address_after("changed")).into_response())
}
