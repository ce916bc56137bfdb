//! `GET /todo/events`: saves as they happen, as server-sent events.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::HeaderMap,
    response::Response,
};
use events::ListName;
use live::{ChannelKind, LAST_EVENT_ID, LastEventId};
use serde::Deserialize;
use service::{http::push, problem::Problem};
use utoipa::IntoParams;

use crate::{
    accept,
    app::App,
    list::bad_query,
    openapi::{parameters, refusals, schemas},
};

/// Kind of the subscribers: programs.
pub(crate) const PROGRAMS: ChannelKind = ChannelKind {
    event: "itemsaved",
    gauge: "live_programs",
    hears_beats: false,
};

/// Longest time for which the first subscriber waits for the feed to begin; for later ones it has begun.
const PATIENCE: Duration = Duration::from_secs(1);

/// Query parameters of `GET /todo/events`, not yet validated.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Watch {
    /// The list; if it is left out, all of them.
    #[param(value_type = Option<schemas::ListName>, nullable = false)]
    list: Option<String>,
    /// The id of the event that you had last. `Last-Event-ID` says the same, and counts before this.
    #[param(value_type = Option<u64>, nullable = false, minimum = 0, example = json!(12))]
    after: Option<String>,
}

/// Answers with an event for each save of an item in a list, or in any list, until the caller disconnects or
/// this process ends. An event id is the sequence in the stream, from which a caller resumes with the header
/// `Last-Event-ID` or the parameter `after`.
#[utoipa::path(
    get,
    path = "/todo/events",
    operation_id = "watchItems",
    tag = "items",
    summary = "Hear what is saved",
    description = "Tells of each save as it happens, as server-sent events: `itemsaved`, with the item as data, and `reset` where \
                   something may be missing. The answer does not end. The id of an event is where to go on.",
    params(Watch, parameters::LastEventId),
    responses(
        (
            status = 200,
            description = "events, from now on or from where the caller was",
            content_type = "text/event-stream",
            body = String,
            example = "retry: 1000\n\nid: 2\nevent: reset\ndata: {}\n\n",
        ),
        refusals::Reading,
        refusals::Fields,
    ),
)]
pub(crate) async fn watch(
    State(app): State<Arc<App>>,
    watch: Result<Query<Watch>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Query(watch) = watch.map_err(|_| bad_query())?;
    accept::expect(&headers, "text/event-stream")?;
    let list = watch.list.map(ListName::try_from).transpose();
    let list = list.map_err(|error| Problem::invalid("list", error.to_string()))?;
    let told = headers.get(LAST_EVENT_ID);
    let place = match told {
        // The header is newer than the address.
        Some(id) => LastEventId::read(Some(id.to_str().unwrap_or_default())),
        None => LastEventId::read(watch.after.as_deref()),
    };
    if told.is_none() && place == LastEventId::Unknown {
        return Err(bad_query().field("after", "must be the id of an event"));
    }
    let visitor = app.hub.subscribe(list, place, PATIENCE).await;
    Ok(push::answer(visitor.into_stream()))
}
