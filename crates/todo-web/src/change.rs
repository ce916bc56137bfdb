//! `/items/{id}/…`: the forms beside each item.

use askama::Template;
use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use events::{Event, ItemCompleted, ItemDeleted, ItemId, ItemRenamed, ItemReopened, ItemText};
use serde::Deserialize;
use store::Cursor;
use uuid::Uuid;

use crate::{
    app::{App, Cause, NotAccepted},
    form::Sent,
    language::Language,
    refusal::{Again, Refusal},
    render::{self, Frame},
};

/// The fields of such a form.
#[derive(Default, Deserialize)]
pub(crate) struct Fields {
    /// The new text, when it is renamed.
    #[serde(default)]
    item: String,
    /// The page of the list that the form was on: the place after which it begins. Without it, the
    /// form was on the home page.
    page: Option<String>,
}

/// The form for a new text, on a page of its own.
#[derive(Template)]
#[template(path = "rename.html")]
struct Rename {
    frame: Frame,
    id: ItemId,
    text: String,
    page: Option<String>,
    problem: String,
}

/// The item is done.
pub(crate) async fn complete(
    app: State<Arc<App>>,
    id: Path<String>,
    cause: Cause,
    Sent(fields): Sent<Fields>,
) -> Result<Response, Refusal> {
    change(app, id, cause, fields, "complete", |id| ItemCompleted {
        id,
    })
    .await
}

/// The item is not done after all.
pub(crate) async fn reopen(
    app: State<Arc<App>>,
    id: Path<String>,
    cause: Cause,
    Sent(fields): Sent<Fields>,
) -> Result<Response, Refusal> {
    change(app, id, cause, fields, "reopen", |id| ItemReopened { id }).await
}

/// The item is gone.
pub(crate) async fn delete(
    app: State<Arc<App>>,
    id: Path<String>,
    cause: Cause,
    Sent(fields): Sent<Fields>,
) -> Result<Response, Refusal> {
    change(app, id, cause, fields, "delete", |id| ItemDeleted { id }).await
}

/// The item has another text.
pub(crate) async fn rename(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    language: Language,
    cause: Cause,
    Sent(fields): Sent<Fields>,
) -> Result<Response, Refusal> {
    let id = existing(&app, &id).await?;
    let again = |status, problem| {
        let template = Rename {
            frame: Frame::new(language),
            id,
            text: fields.item.clone(),
            page: fields.page.clone(),
            problem,
        };
        Ok(render::page(status, &template))
    };
    let item: ItemText = match fields.item.parse() {
        Ok(item) => item,
        Err(invalid) => {
            let problem = (language.0.invalid)(invalid);
            return again(StatusCode::UNPROCESSABLE_ENTITY, problem);
        }
    };
    let event = ItemRenamed { id, item };
    let published = app.publish(&event, Uuid::now_v7().into(), id, &cause).await;
    if let Err(NotAccepted) = published {
        let problem = language.0.not_accepted.to_owned();
        return again(StatusCode::SERVICE_UNAVAILABLE, problem);
    }
    Ok(back(id, fields.page.as_deref()))
}

async fn change<E: Event>(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    cause: Cause,
    fields: Fields,
    verb: &str,
    event: impl FnOnce(ItemId) -> E,
) -> Result<Response, Refusal> {
    let id = existing(&app, &id).await?;
    let event = event(id);
    let published = app.publish(&event, Uuid::now_v7().into(), id, &cause).await;
    published.map_err(|NotAccepted| {
        Refusal::not_accepted(Again {
            action: format!("/items/{id}/{verb}"),
            page: fields.page.clone(),
        })
    })?;
    Ok(back(id, fields.page.as_deref()))
}

/// The item that an address is about, unless there is none.
async fn existing(app: &App, id: &str) -> Result<ItemId, Refusal> {
    let id = id.parse().map_err(|_| Refusal::unknown_item())?;
    if app.is_unknown(id).await {
        return Err(Refusal::unknown_item());
    }
    Ok(id)
}

/// Goes back to the page that the form was on. What is no place in the list leads to the home page,
/// and no field ever leads elsewhere.
fn back(id: ItemId, page: Option<&str>) -> Response {
    let target = match page {
        Some("") => format!("/list?changed={id}"),
        Some(page) => match page.parse::<Cursor>() {
            Ok(after) => format!("/list?after={after}&changed={id}"),
            Err(_) => format!("/?changed={id}"),
        },
        None => format!("/?changed={id}"),
    };
    Redirect::to(&target).into_response()
}
