//! `/items/{id}`: one item on a page of its own.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    http::StatusCode,
    response::Response,
};
use events::ItemId;
use serde::Deserialize;
use store::{History, Item, PastEvent};
use time::OffsetDateTime;

use crate::{
    app::{App, Unread},
    language::Language,
    refusal::{Refusal, Wanted},
    render::{self, Frame},
    view::{Place, View},
    when::When,
};

/// The most events of an item's history on its page.
const HISTORY: u32 = 50;

/// The query parameters of an item's page.
#[derive(Deserialize)]
pub(crate) struct Arrival {
    /// Present if the visitor just changed the item.
    changed: Option<String>,
}

/// An item on a page of its own, with a form for a new text.
#[derive(Template)]
#[template(path = "item.html")]
pub(super) struct ItemPage {
    pub(super) frame: Frame,
    pub(super) id: ItemId,
    pub(super) view: View,
    /// The text in the form.
    pub(super) text: String,
    /// The problem of the text, if it has one.
    pub(super) problem: Option<String>,
    /// The saved item; none if only the form is shown again.
    pub(super) item: Option<Shown>,
    pub(super) place: Place,
}

/// An item as it is saved.
pub(super) struct Shown {
    is_changed: bool,
    text: String,
    completed: bool,
    added: When,
    past: Past,
}

/// The known part of an item's history.
enum Past {
    /// The item's events, the newest first.
    Events(Vec<Happened>),
    /// The audit has events, but none about this item.
    NothingYet,
    /// The audit has no events at all.
    NotKept,
    Unread,
}

/// Something that happened to an item.
struct Happened {
    what: &'static str,
    subject: String,
    when: When,
}

/// Shows the item.
pub(crate) async fn page(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    Query(arrival): Query<Arrival>,
    language: Language,
) -> Result<Response, Refusal> {
    let id: ItemId = id.parse().map_err(|_| Refusal::unknown_item())?;
    let found = app.ask(async |items| items.get(id).await).await;
    let found = found.map_err(|why| Refusal::unread(why, Wanted::Item))?;
    let item = found.ok_or_else(Refusal::unknown_item)?;
    let history = app.history(id, HISTORY).await;
    let view = View::of(item.list.clone());
    let template = ItemPage {
        frame: Frame::new(language),
        id,
        text: item.item.to_string(),
        problem: None,
        place: Place::from(&view),
        view,
        item: Some(Shown::new(item, history, &arrival, language)),
    };
    Ok(render::page(StatusCode::OK, &template))
}

impl Shown {
    fn new(
        item: Item,
        history: Result<History, Unread>,
        arrival: &Arrival,
        language: Language,
    ) -> Self {
        let now = OffsetDateTime::now_utc();
        let happened = |event: PastEvent| Happened {
            what: (language.0.happened)(&event.subject),
            when: When::new(event.occurred_at, now, language.0),
            subject: event.subject,
        };
        let past = match history {
            Err(_) => Past::Unread,
            Ok(History { events, is_kept }) => match (events.is_empty(), is_kept) {
                (false, _) => Past::Events(events.into_iter().map(happened).collect()),
                (true, true) => Past::NothingYet,
                (true, false) => Past::NotKept,
            },
        };
        Self {
            is_changed: arrival.changed.is_some(),
            text: item.item.into(),
            completed: item.completed,
            added: When::new(item.added_at, now, language.0),
            past,
        }
    }
}
