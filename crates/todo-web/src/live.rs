//! `/live`: saved changes of some lists as server-sent events.
//!
//! A browser has one such response, for the lists of all its tabs: over HTTP/1.1 it has six connections, and
//! one per tab would take them all. Each event's id is its sequence in the stream, whichever list it is of.
//! A browser that reconnects names the last id that it got, in the header `Last-Event-ID` or as `?after=`,
//! and gets the events that it missed. If they cannot be sent in order any more, it gets one event `reset`,
//! and the page loads its state anew. So a slow browser costs a fresh page, and never memory.
//!
//! Without news there is a keep-alive event `beat`, by which the page knows that its connection is alive.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use events::ListName;
use live::{ChannelKind, LAST_EVENT_ID, LastEventId, Watched};
use service::http::push;

use crate::app::App;

/// The subscribers are browsers.
pub(crate) const BROWSERS: ChannelKind = ChannelKind {
    event: "saved",
    gauge: "live_browsers",
    hears_beats: true,
};

/// The most lists of one stream. `feed.js` has the same figure.
const MAX_LISTS: usize = 32;

/// The query parameters, each as often as the query has it.
type Fields = Vec<(String, String)>;

/// Streams the changes of the named lists, `?list=a&list=b`, until the browser disconnects or this process
/// stops.
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
        Ok(lists) if lists.len() <= MAX_LISTS => lists,
        _ => return StatusCode::BAD_REQUEST.into_response(),
    };
    // After a reconnect the header is newer than the page's address.
    let told = headers
        .get(LAST_EVENT_ID)
        .map(|id| id.to_str().unwrap_or_default());
    let place = LastEventId::read(told.or(given("after").next()));
    let watched = Watched::lists(lists);
    let visitor = app.hub().subscribe(watched, place, Duration::ZERO).await;
    push::answer(visitor.into_stream())
}
