//! `PATCH /todo/{id}`: changes an item.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use events::{
    Envelope, Event, ItemCompleted, ItemId, ItemMoved, ItemRenamed, ItemReopened, ItemText, Order,
};
use service::problem::Problem;
use store::Item;
use time::OffsetDateTime;

use crate::{
    absent::no_item,
    accept::TakesJson,
    app::{App, Cause, named},
    body::Fields,
    condition::IfMatch,
    key::Key,
    openapi::{parameters, refusals, schemas},
    prefer::Prefer,
    representation::{Accepted, ItemDocument, accepted, changed},
    waiting::Outcome,
};

/// The fields that can be changed.
const KNOWN: &str = "`item`, `completed` and `order`";

/// The requested changes of an item.
pub(crate) struct Change {
    pub(crate) item: Option<ItemText>,
    pub(crate) completed: Option<bool>,
    pub(crate) order: Option<Order>,
}

/// Publishes an event for each thing that is to change: `item`, `completed`, `order`. A caller who
/// waits hears 200 when all of them are saved. With `If-Match`, only if the item is as the caller knows it
/// ([`crate::condition`] says what that promises).
///
/// If not all of them are known to be stored, the request may be sent again as it is: each event
/// says how its part of the item is from then on, so repeating it changes nothing.
#[utoipa::path(
    patch,
    path = "/todo/{id}",
    operation_id = "changeItem",
    tag = "items",
    summary = "Change an item",
    description = "Publishes an event for each field. If not all of them are known to be stored, the answer is 503, \
                   and the request may be sent again as it is. With `Prefer: wait=N`, the answer comes when all \
                   of them are saved.",
    params(parameters::Id, parameters::IfMatch, parameters::Key, parameters::Wait),
    request_body(content(
        (schemas::Change = "application/json"), (schemas::Change = "application/merge-patch+json"),
    )),
    responses(
        (
            status = 202,
            description = "the events are stored, and the item will be changed",
            body = Accepted,
            headers(("location" = String, description = "the item's address")),
        ),
        (
            status = 200,
            description = "the item as it is saved",
            body = ItemDocument,
            headers(
                ("etag" = String, description = "the item's version"),
                ("preference-applied" = String, description = "the wait that was heeded"),
            ),
        ),
        refusals::Body,
        refusals::Once,
        refusals::OfItem,
        refusals::Conditional,
    ),
)]
pub(crate) async fn change(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    (_, if_match): (TakesJson, IfMatch),
    key: Key,
    cause: Cause,
    prefer: Prefer,
    fields: Fields,
) -> Result<Response, Problem> {
    let id = named(&id)?;
    let change = Change::read(fields)?;
    let envelopes = change.seal(id, &key, &cause);
    app.expect(id, &if_match, &cause).await?;
    let acceptance = app.accept(&cause, envelopes, id, prefer).await?;
    let is_changed = move |outcome: &Outcome| match outcome {
        Outcome::There(item) => change.shows_in(item),
        Outcome::Gone | Outcome::Missing => true,
    };
    let answer =
        acceptance.answer(
            accepted(id, &Accepted { id }),
            is_changed,
            |outcome| match outcome {
                Outcome::There(item) => Ok(changed(&item)),
                Outcome::Gone | Outcome::Missing => Err(no_item()),
            },
        );
    Ok(answer.await)
}

impl Change {
    fn read(mut fields: Fields) -> Result<Self, Problem> {
        let change = Self {
            item: fields.text("item"),
            completed: fields.flag("completed"),
            order: fields.number("order"),
        };
        fields.finish(KNOWN)?;
        if change.is_empty() {
            return Err(nothing_to_change(KNOWN));
        }
        Ok(change)
    }

    /// Returns whether no change is requested.
    pub(crate) fn is_empty(&self) -> bool {
        self.item.is_none() && self.completed.is_none() && self.order.is_none()
    }

    /// Seals one event for each requested change.
    pub(crate) fn seal(&self, id: ItemId, key: &Key, cause: &Cause) -> Vec<Envelope> {
        let now = OffsetDateTime::now_utc();
        let mut envelopes = Vec::new();
        envelopes.extend(
            self.item
                .clone()
                .map(|item| sealed(&ItemRenamed { id, item }, id, key, cause, now)),
        );
        envelopes.extend(self.completed.map(|completed| {
            if completed {
                sealed(&ItemCompleted { id }, id, key, cause, now)
            } else {
                sealed(&ItemReopened { id }, id, key, cause, now)
            }
        }));
        envelopes.extend(
            self.order
                .map(|order| sealed(&ItemMoved { id, order }, id, key, cause, now)),
        );
        envelopes
    }

    /// Returns whether `item` has all requested changes.
    pub(crate) fn shows_in(&self, item: &Item) -> bool {
        self.item.as_ref().is_none_or(|text| *text == item.item)
            && self
                .completed
                .is_none_or(|completed| completed == item.completed)
            && self.order.is_none_or(|order| order == item.order)
    }
}

pub(crate) fn nothing_to_change(known: &str) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "nothing-to-change")
        .detail(format!("give at least one of {known}"))
}

fn sealed<E: Event>(
    event: &E,
    id: ItemId,
    key: &Key,
    cause: &Cause,
    now: OffsetDateTime,
) -> Envelope {
    cause.seal(event, key.event::<E>(id), now)
}
