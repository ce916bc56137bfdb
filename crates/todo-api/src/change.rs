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
use futures_util::future::try_join_all;
use service::problem::Problem;
use time::OffsetDateTime;

use crate::{
    app::{App, Cause, named},
    body::Fields,
    key::Key,
    representation::{Accepted, accepted},
};

/// Publishes an event for each thing that is to change: `item`, `completed`, `order`.
///
/// If not all of them are known to be stored, the request may be sent again as it is: each event
/// says how its part of the item is from then on, so repeating it changes nothing.
pub(crate) async fn change(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    key: Key,
    cause: Cause,
    fields: Fields,
) -> Result<Response, Problem> {
    let id = named(&id)?;
    let envelopes = seal(fields, id, &key, &cause)?;
    app.expect(id).await?;
    // At the same time, so that the caller waits no longer for three than for one.
    try_join_all(envelopes.iter().map(|envelope| app.publish(envelope, id))).await?;
    Ok(accepted(id, &Accepted { id }))
}

fn seal(
    mut fields: Fields,
    id: ItemId,
    key: &Key,
    cause: &Cause,
) -> Result<Vec<Envelope>, Problem> {
    let item: Option<ItemText> = fields.text("item");
    let completed = fields.flag("completed");
    let order: Option<Order> = fields.number("order");
    fields.finish("`item`, `completed` and `order`")?;

    let now = OffsetDateTime::now_utc();
    let mut envelopes = Vec::new();
    envelopes.extend(item.map(|item| sealed(&ItemRenamed { id, item }, id, key, cause, now)));
    envelopes.extend(completed.map(|completed| {
        if completed {
            sealed(&ItemCompleted { id }, id, key, cause, now)
        } else {
            sealed(&ItemReopened { id }, id, key, cause, now)
        }
    }));
    envelopes.extend(order.map(|order| sealed(&ItemMoved { id, order }, id, key, cause, now)));
    if envelopes.is_empty() {
        let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "nothing-to-change");
        return Err(problem.detail("give at least one of `item`, `completed` and `order`"));
    }
    Ok(envelopes)
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
