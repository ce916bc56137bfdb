//! `/live`: what was saved in a list, pushed to the browser as server-sent events.
//!
//! Each event has the sequence of the stream as its id. A browser that comes back says which one it
//! had last, in the header `Last-Event-ID` or, after a reload, as `?after=`, and gets what it missed.
//! What cannot be given in order any more is given up with one event `reset`: the page then takes its
//! state anew. So a slow browser costs a fresh page, and never memory.

mod hub;
mod visitor;

use std::sync::Arc;

use axum::{
    extract::{Query, State},
    http::{HeaderMap, HeaderName, StatusCode},
    response::{IntoResponse, Response},
};
use events::ListName;
use serde::Deserialize;

use crate::{app::App, push};

pub(crate) use hub::Hub;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Which list, and what the page knows of it.
#[derive(Deserialize)]
pub(crate) struct Watch {
    list: Option<String>,
    after: Option<String>,
}

/// Where a browser wants to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// It has seen nothing, and asks for nothing that was.
    Now,
    /// It has seen everything up to this sequence.
    After(u64),
    /// It says something that no page of ours has said.
    Unknown,
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
    let visitor = app.hub().welcome(list, place).await;
    push::answer(visitor.into_stream())
}

impl Place {
    fn read(text: Option<&str>) -> Self {
        match text.map(str::parse) {
            None => Self::Now,
            Some(Ok(sequence)) => Self::After(sequence),
            Some(Err(_)) => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Place;

    #[test]
    fn a_place_is_a_sequence_and_nothing_else() {
        assert_eq!(Place::read(None), Place::Now);
        assert_eq!(Place::read(Some("12")), Place::After(12));
        for odd in ["", "-1", "1.5", "99999999999999999999999", "twelve"] {
            assert_eq!(Place::read(Some(odd)), Place::Unknown, "{odd}");
        }
    }

    proptest! {
        #[test]
        fn no_id_makes_reading_panic(text: String) {
            let _ = Place::read(Some(&text));
        }

        #[test]
        fn an_id_survives_its_text_form(sequence: u64) {
            prop_assert_eq!(Place::read(Some(&sequence.to_string())), Place::After(sequence));
        }
    }
}
