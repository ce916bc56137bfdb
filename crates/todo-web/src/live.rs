//! `/live`: what was saved in a list, pushed to the browser as server-sent events.
//!
//! Each event has the sequence of the stream as its id. A browser that comes back says which one it
//! had last, in the header `Last-Event-ID` or, after a reload, as `?after=`, and gets what it missed.
//! What cannot be given in order any more is given up with one event `reset`: the page then takes its
//! state anew. So a slow browser costs a fresh page, and never memory.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use events::ListName;
use live::{Audience, LAST_EVENT_ID, Place};
use serde::Deserialize;
use service::http::push;

use crate::app::App;

/// The visitors are browsers.
pub(crate) const BROWSERS: Audience = Audience {
    event: "saved",
    gauge: "live_browsers",
};

/// Which list, and what the page knows of it.
#[derive(Deserialize)]
pub(crate) struct Watch {
    list: Option<String>,
    after: Option<String>,
}

/// Answers with the changes of a list, until the browser or this process leaves.
pub(crate) async fn live(
    State(app): State<Arc<App>>,
    Query(watch): Query<Watch>,
    headers: HeaderMap,
) -> Response {
    let list = watch
        .list
        .map_or_else(|| Ok(ListName::default()), ListName::try_from);
    let Ok(list) = list else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    // The browser's own account is newer than the page's.
    let told = headers
        .get(LAST_EVENT_ID)
        .map(|id| id.to_str().unwrap_or_default());
    let place = Place::read(told.or(watch.after.as_deref()));
    let visitor = app.hub().welcome(Some(list), place, Duration::ZERO).await;
    push::answer(visitor.into_stream())
}
