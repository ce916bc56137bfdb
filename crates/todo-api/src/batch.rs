//! `POST /todo/batch`: adds up to 1 000 items by one request, each of which is answered by itself.
//!
//! The items are published in the order of the batch, several in flight at a time, over one connection, which
//! the broker reads in order. So the accepted ones are stored in that order and keep it in their list. After
//! the first that could not be stored nothing more is published: a broker that is unavailable costs one
//! timeout, and as few other events as possible come before those that are sent again.

mod read;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use events::{Envelope, ItemId, NewItem};
use futures_util::{StreamExt, stream};
use serde::{Serialize, Serializer};
use serde_json::Value;
use service::{
    http::{Plain, to_json},
    problem::Problem,
};
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::{
    add::{Place, wanted},
    app::{App, Cause, not_accepted},
    body::Fields,
    idempotent::Unfinished,
    key::Key,
    list::bad_query,
    openapi::{parameters, refusals, schemas},
};
use read::{Batch, Form};

pub(crate) use read::{BODY_LIMIT, Places};

/// Most publishes in flight at a time per batch.
const AT_A_TIME: usize = 64;

/// What became of one item of a batch.
#[derive(Serialize, ToSchema)]
#[schema(as = BatchPart, example = json!({"status": 202, "id": "01a1f961-0f41-7277-9d2b-20d8f82dad2d"}))]
pub(crate) struct Part {
    /// The status that `POST /todo` would have answered with.
    #[schema(minimum = 202, maximum = 599)]
    status: u16,
    /// The item's identifier, if it was accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>, nullable = false)]
    id: Option<ItemId>,
    /// Why it was not. It has no identity of a request: that is the whole batch's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>, nullable = false)]
    problem: Option<Value>,
}

/// Publishes items, each as `POST /todo` takes it, and answers 200 with what became of each, in the same
/// order and in the form in which they came. If nothing could be accepted because something is away, all of
/// it is a 503.
///
/// With a key, each item has a key of its own that follows from that one and its place in the batch, so
/// that the same batch may be sent again as a whole.
#[utoipa::path(
    post,
    path = "/todo/batch",
    operation_id = "addItems",
    tag = "items",
    summary = "Add many items",
    description = "Publishes up to 1 000 items, each as `POST /todo` takes it, in their order, and answers with what became \
                   of each, in the same order and form. What is no item is refused by itself. If nothing could be \
                   accepted because something is away, all of it is refused with 503.",
    params(Place, parameters::Key),
    request_body(content(
        (schemas::Batch = "application/json"),
        (schemas::Lines = "application/x-ndjson", example = "{\"item\":\"buy milk\"}\n{\"item\":\"write\",\"list\":\"work\"}\n"),
    )),
    responses(
        (
            status = 200,
            description = "what became of each",
            content(
                ([Part] = "application/json"),
                (
                    String = "application/x-ndjson",
                    example = "{\"status\":202,\"id\":\"01a1f961-0f41-7277-9d2b-20d8f82dad2d\"}\n",
                ),
            ),
        ),
        refusals::Body,
        refusals::Once,
    ),
)]
pub(crate) async fn batch(
    State(app): State<Arc<App>>,
    place: Result<Query<Place>, QueryRejection>,
    key: Key,
    cause: Cause,
    batch: Batch,
) -> Result<Response, Problem> {
    let Query(place) = place.map_err(|_| bad_query())?;
    let now = OffsetDateTime::now_utc();
    let broken = AtomicBool::new(false);
    let items = batch.items.into_iter().enumerate();
    let publishing = items.map(|(index, fields)| {
        let sealed = fields.and_then(|fields| {
            let key = key.of_part(index);
            sealed(fields, place.clone(), &key, &cause, now)
        });
        publish(&app, sealed, &broken)
    });
    let published = stream::iter(publishing).buffered(AT_A_TIME);
    let results: Vec<Result<ItemId, Problem>> = published.collect().await;

    let mut problems = results.iter().filter_map(|result| result.as_ref().err());
    let away = problems.find(|problem| problem.status() == StatusCode::SERVICE_UNAVAILABLE);
    let unfinished = away.is_some();
    if let Some(away) = away
        && results.iter().all(Result::is_err)
    {
        return Err(away.clone());
    }
    let mut answer = answer(batch.form, results.into_iter().map(Part::from));
    if unfinished {
        answer.extensions_mut().insert(Unfinished);
    }
    Ok(answer)
}

fn sealed(
    fields: Fields,
    place: Place,
    key: &Key,
    cause: &Cause,
    now: OffsetDateTime,
) -> Result<(ItemId, Envelope), Problem> {
    let (item, list) = wanted(fields, place)?;
    let id = key.item();
    let event = NewItem {
        id: Some(id),
        list: Some(list),
        item,
        added_at: Some(now),
    };
    Ok((id, cause.seal(&event, id.into(), now)))
}

/// Publishes an item, unless an earlier one could not be stored.
async fn publish(
    app: &App,
    sealed: Result<(ItemId, Envelope), Problem>,
    broken: &AtomicBool,
) -> Result<ItemId, Problem> {
    let (id, envelope) = sealed?;
    if broken.load(Ordering::Relaxed) {
        return Err(not_accepted());
    }
    let stored = app.publish(&envelope, id).await;
    stored.inspect_err(|_| broken.store(true, Ordering::Relaxed))?;
    Ok(id)
}

fn answer(form: Form, parts: impl Iterator<Item = Part>) -> Response {
    let mut body = Vec::new();
    match form {
        Form::Array => {
            // Serialized one by one here too: as values they take many times the memory of their text.
            // Writing into memory cannot fail, nor can serializing a part.
            let mut writer = serde_json::Serializer::with_formatter(&mut body, Plain);
            let _ = writer.collect_seq(parts);
            body.push(b'\n');
        }
        Form::Lines => {
            for part in parts {
                body.extend(to_json(&part));
                body.push(b'\n');
            }
        }
    }
    ([(header::CONTENT_TYPE, form.media_type())], body).into_response()
}

impl From<Result<ItemId, Problem>> for Part {
    fn from(result: Result<ItemId, Problem>) -> Self {
        let status = match &result {
            Ok(_) => StatusCode::ACCEPTED,
            Err(problem) => problem.status(),
        };
        Self {
            status: status.as_u16(),
            id: result.as_ref().ok().copied(),
            problem: result.err().map(|problem| problem.to_value()),
        }
    }
}
