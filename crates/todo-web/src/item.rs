//! `/items/{id}` and the paths below it: one item, and its changes.

mod page;

use std::sync::Arc;

use axum::{
    extract::{FromRequest, FromRequestParts, Path, Request, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use events::{
    Event, EventId, ItemCompleted, ItemDeleted, ItemId, ItemMoved, ItemRenamed, ItemReopened,
    ItemRestored, ItemText, Order,
};
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    app::{App, Cause},
    form::Sent,
    language::Language,
    refusal::{Again, Refusal},
    render::{self, Frame},
    verdict::Problem,
    view::Place,
};
use page::ItemPage;
pub(crate) use page::page;

/// The fields of such a form.
#[derive(Clone, Default, Deserialize)]
pub(crate) struct Fields {
    /// The new text, when it is renamed.
    #[serde(default)]
    item: String,
    /// The new place, when it is moved.
    #[serde(default)]
    order: String,
    /// The key of the change: sent again with the same key, it is made once.
    key: Option<String>,
    /// Present if the sender added the item itself, and knows that it may not be saved yet.
    unsaved: Option<String>,
    /// Present if the form was on the item's own page, and leads back there.
    stay: Option<String>,
    #[serde(flatten)]
    place: Place,
}

/// A requested change of an item: its id, and the fields as they were sent.
pub(crate) struct Change {
    id: ItemId,
    event: EventId,
    fields: Fields,
}

/// Completes the item.
pub(crate) async fn complete(
    State(app): State<Arc<App>>,
    cause: Cause,
    change: Change,
) -> Result<Response, Refusal> {
    let change = change.of_known(&app).await?;
    let event = ItemCompleted { id: change.id };
    change.publish(&app, &cause, "complete", event).await
}

/// Reopens the item.
pub(crate) async fn reopen(
    State(app): State<Arc<App>>,
    cause: Cause,
    change: Change,
) -> Result<Response, Refusal> {
    let change = change.of_known(&app).await?;
    let event = ItemReopened { id: change.id };
    change.publish(&app, &cause, "reopen", event).await
}

/// Moves the item to another place in its list.
pub(crate) async fn reorder(
    State(app): State<Arc<App>>,
    cause: Cause,
    change: Change,
) -> Result<Response, Refusal> {
    let order: Option<f64> = change.fields.order.parse().ok();
    let order = order.and_then(|order| Order::try_from(order).ok());
    let order = order.ok_or_else(|| Refusal::of(StatusCode::BAD_REQUEST))?;
    let change = change.of_known(&app).await?;
    let event = ItemMoved {
        id: change.id,
        order,
    };
    change.publish(&app, &cause, "move", event).await
}

/// Deletes the item. It can be restored.
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    cause: Cause,
    change: Change,
) -> Result<Response, Refusal> {
    let change = change.of_known(&app).await?;
    let event = ItemDeleted { id: change.id };
    change.publish(&app, &cause, "delete", event).await
}

/// Restores the deleted item.
pub(crate) async fn restore(
    State(app): State<Arc<App>>,
    cause: Cause,
    change: Change,
) -> Result<Response, Refusal> {
    // Not checked: a deleted item is not found, and the event has no effect on one that never existed.
    let event = ItemRestored { id: change.id };
    change.publish(&app, &cause, "restore", event).await
}

/// Changes the item's text.
pub(crate) async fn rename(
    State(app): State<Arc<App>>,
    language: Language,
    cause: Cause,
    change: Change,
) -> Result<Response, Refusal> {
    let change = change.of_known(&app).await?;
    let (id, view) = (change.id, change.fields.place.view());
    let again = |status, problem| {
        let template = ItemPage {
            frame: Frame::new(language),
            id,
            view: view.clone(),
            text: change.fields.item.clone(),
            problem: Some(problem),
            item: None,
            place: change.fields.place.clone(),
        };
        render::page(status, &template)
    };
    let item: ItemText = match change.fields.item.parse() {
        Ok(item) => item,
        Err(invalid) => {
            let problem = (language.0.invalid)(invalid);
            let mut response = again(StatusCode::UNPROCESSABLE_ENTITY, problem.clone());
            response.extensions_mut().insert(Problem(problem));
            return Ok(response);
        }
    };
    let event = ItemRenamed { id, item };
    let published = app.publish(&event, change.event.clone(), id, &cause).await;
    if let Err(why) = published {
        let problem = (language.0.not_accepted)(why).to_owned();
        return Ok(again(StatusCode::SERVICE_UNAVAILABLE, problem));
    }
    Ok(Redirect::to(&view.address_about("changed", id)).into_response())
}

impl FromRequest<Arc<App>> for Change {
    type Rejection = Refusal;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Refusal> {
        let (mut head, body) = request.into_parts();
        let id = Path::<ItemId>::from_request_parts(&mut head, app).await;
        let Path(id) = id.map_err(|_| Refusal::unknown_item())?;
        let Sent(fields) =
            Sent::<Fields>::from_request(Request::from_parts(head, body), app).await?;
        let key = fields.key.as_ref().map(|key| key.parse::<Uuid>());
        let key = key.transpose();
        let key = key.map_err(|_| Refusal::of(StatusCode::BAD_REQUEST))?;
        Ok(Self {
            id,
            event: key.unwrap_or_else(Uuid::now_v7).into(),
            fields,
        })
    }
}

impl Change {
    /// Fails if the database has no such item, unless the form says that it may not be saved yet.
    async fn of_known(self, app: &App) -> Result<Self, Refusal> {
        if self.fields.unsaved.is_none() && app.is_unknown(self.id).await {
            return Err(Refusal::unknown_item().from(&self.fields.place));
        }
        Ok(self)
    }

    /// Publishes the event, and redirects to the page that the form was on.
    async fn publish(
        self,
        app: &App,
        cause: &Cause,
        verb: &str,
        event: impl Event,
    ) -> Result<Response, Refusal> {
        let Self {
            id,
            event: key,
            fields,
        } = self;
        let published = app.publish(&event, key.clone(), id, cause).await;
        let word = if verb == "delete" {
            "deleted"
        } else {
            "changed"
        };
        let back = match fields.stay {
            Some(_) => format!("/items/{id}?{word}="),
            None => fields.place.view().address_about(word, id),
        };
        published.map_err(|why| {
            let again = Again {
                action: format!("/items/{id}/{verb}"),
                order: (verb == "move").then_some(fields.order),
                key: Some(key),
                place: fields.place,
            };
            Refusal::not_accepted(why, again)
        })?;
        Ok(Redirect::to(&back).into_response())
    }
}
