//! `/live`: what was saved in some lists, pushed to the browser as server-sent events.
//!
//! One browser has one such stream, for the lists of all its tabs: over HTTP/1.1 it has six connections, and
//! streams would take them all. Each event has the sequence of the stream as its id, whichever
//! list it is of. A browser that comes back says which one it had last, in the header `Last-Event-ID` or as `?after=`,
//! and gets what it missed. What cannot be given in order any more is given up with one event `reset`: the page then
//! takes its state anew. So a slow browser costs a fresh page, and never memory.
//!
//! Without news there is an event `beat`, by which the page knows that its connection is alive.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use events::ListName;
use live::{Audience, LAST_EVENT_ID, Place, Watched};
use service::http::push;

use crate::app::App;

/// The visitors are browsers.
pub(crate) const BROWSERS: Audience = Audience {
    event: "saved",
    gauge: "live_browsers",
    hears_beats: true,
};

/// The most lists of one stream. `feed.js` has the same figure.
const MOST_LISTS: usize = 32;

/// The address's fields, each as often as it stands there.
type Fields = Vec<(String, String)>;

/// Answers with the changes of the lists that are named, `?list=a&list=b`, until the browser or this process leaves.
pub(crate) async fn live(
    State(app): State<Arc<App>>,
    Query(fields): Query<Fields>,
    headers: HeaderMap,
) -> Response {
    let given = |wanted: &'static str| {
        let fields = fields.iter().filter(move |(name, _)| name == wanted);
        fields.map(|(_, value)| value.as_str())
    };
    let lists: Result<Vec<ListName>, _> = given("list").map(str::parse).collect();
    let lists = match lists {
        Ok(lists) if lists.is_empty() => vec![ListName::default()],
        Ok(lists) if lists.len() <= MOST_LISTS => lists,
        _ => return StatusCode::BAD_REQUEST.into_response(),
    };
    // The browser's own account is newer than the page's.
    let told = headers
        .get(LAST_EVENT_ID)
        .map(|id| id.to_str().unwrap_or_default());
    let place = Place::read(told.or(given("after").next()));
    let watched = Watched::lists(lists);
    let visitor = app.hub().welcome(watched, place, Duration::ZERO).await;
    push::answer(visitor.into_stream())
}
