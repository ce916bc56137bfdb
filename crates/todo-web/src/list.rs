//! `/` and `/lists/{name}`: the items of a list.

mod row;

use askama::Template;
use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use events::{ItemId, ListName};
use serde::Deserialize;
use store::{Counts, Cursor, Item};

use crate::{
    add::AddForm,
    app::{App, Unread},
    language::Language,
    refusal::Refusal,
    render::{self, Frame},
    view::{Page, Place, Show, View},
};
use row::Row;

/// Items per page.
const PAGE: u32 = 100;

/// Age from which unsaved changes are mentioned beside the saved items: mostly it is a matter of
/// milliseconds.
const BEHIND: Duration = Duration::from_secs(2);

/// The query parameters of a list's page.
#[derive(Default, Deserialize)]
pub(crate) struct Arrival {
    /// The item whose event was just accepted.
    accepted: Option<String>,
    /// The item that was just changed.
    changed: Option<String>,
    /// The item that was just deleted.
    deleted: Option<String>,
    /// The filter of the items.
    show: Option<String>,
    /// The cursor after which a page begins.
    after: Option<String>,
}

/// A notice about the visitor's last change.
enum Notice {
    Accepted,
    /// The item is saved already; if it is on the page it can be jumped to.
    Added {
        shown: Option<ItemId>,
    },
    Changed,
    /// It can be brought back. Its text is not known while the database is away.
    Deleted {
        id: ItemId,
        text: Option<String>,
    },
}

/// The items of a page, and what is done with them.
struct Items {
    place: Place,
    /// The list's name as a part of addresses.
    segment: String,
    counts: Result<Counts, Unread>,
    rows: Vec<Row>,
    filters: Vec<Filter>,
}

/// A link to some of the items.
struct Filter {
    name: &'static str,
    address: String,
    selected: bool,
}

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    frame: Frame,
    view: View,
    notice: Option<Notice>,
    form: AddForm,
    items: Items,
    /// True if the list is longer than a page, whatever the filter.
    is_long: bool,
    /// A note with the number of shown items, if there are more.
    newest: Option<String>,
    /// A note with the number of changes that are accepted and not saved yet, if there are any.
    unsaved: Option<String>,
    /// A sequence of the stream up to which the shown items are up to date.
    after: u64,
    /// An item to be filled in by the page.
    blank: Row,
}

#[derive(Template)]
#[template(path = "page.html")]
struct WholeList {
    frame: Frame,
    view: View,
    notice: Option<Notice>,
    items: Items,
    next: Option<Cursor>,
}

/// The end of a list, and a form for another item.
pub(crate) async fn home(
    State(app): State<Arc<App>>,
    name: Option<Path<String>>,
    language: Language,
    Query(arrival): Query<Arrival>,
) -> Result<Response, Refusal> {
    let is_named = name.is_some();
    let mut view = View::of(list(name)?);
    view.show = Show::read(arrival.show.as_deref());
    if is_named && view.is_default() {
        return Ok(Redirect::permanent(&view.address()).into_response());
    }
    let (list, completed) = (&view.list, view.show.completed());
    // Read before the query: changes that are saved meanwhile are pushed.
    let after = app.hub().last();
    let seen = app.ask(async |items| {
        tokio::try_join!(items.count(list), items.newest(list, completed, PAGE))
    });
    let (counts, found) = apart(seen.await);
    let shown = i64::try_from(found.len()).unwrap_or(i64::MAX);
    let has_older = counts.is_ok_and(|counts| view.show.of(counts) > shown);
    let is_empty = counts.is_ok_and(|counts| counts.total == 0);
    let unsaved = app.lookout().unsaved().await;
    let unsaved = unsaved.filter(|backlog| {
        let is_behind = backlog.oldest.is_some_and(|age| age >= BEHIND);
        backlog.unsettled() > 0 && (is_empty || is_behind)
    });
    let template = Home {
        frame: Frame::new(language),
        notice: notice(&app, &arrival, &found).await,
        form: AddForm::empty(&view),
        is_long: counts.is_ok_and(|counts| counts.total > PAGE.into()),
        unsaved: unsaved.map(|backlog| (language.0.unsaved)(backlog.unsettled())),
        newest: has_older.then(|| (language.0.newest)(found.len())),
        items: Items::new(&view, counts, found, &arrival, language),
        view,
        after,
        blank: Row::blank(),
    };
    Ok(render::page(StatusCode::OK, &template))
}

/// A whole list, a hundred items a page.
pub(crate) async fn page(
    State(app): State<Arc<App>>,
    name: Option<Path<String>>,
    language: Language,
    Query(arrival): Query<Arrival>,
) -> Result<Response, Refusal> {
    let after: Option<Cursor> = match &arrival.after {
        Some(after) => Some(after.parse().map_err(|_| Refusal::bad_page())?),
        None => None,
    };
    let mut view = View::of(list(name)?);
    view.page = after.map_or(Page::First, Page::After);
    let list = &view.list;
    let seen =
        app.ask(async |items| tokio::try_join!(items.count(list), items.list(list, after, PAGE)));
    let seen = seen.await;
    let (counts, (found, next)) =
        apart(seen.map(|(counts, page)| (counts, (page.items, page.next))));
    let template = WholeList {
        frame: Frame::new(language),
        notice: notice(&app, &arrival, &found).await,
        items: Items::new(&view, counts, found, &arrival, language),
        view,
        next,
    };
    Ok(render::page(StatusCode::OK, &template))
}

/// Splits the result of a query into the counts and the shown items, none if the database was not read.
fn apart<T: Default>(seen: Result<(Counts, T), Unread>) -> (Result<Counts, Unread>, T) {
    match seen {
        Ok((counts, found)) => (Ok(counts), found),
        Err(why) => (Err(why), T::default()),
    }
}

/// The list that an address names.
fn list(name: Option<Path<String>>) -> Result<ListName, Refusal> {
    name.map_or_else(
        || Ok(ListName::default()),
        |Path(name)| name.parse().map_err(|_| Refusal::of(StatusCode::NOT_FOUND)),
    )
}

async fn notice(app: &App, arrival: &Arrival, items: &[Item]) -> Option<Notice> {
    if let Some(id) = &arrival.deleted {
        let id = id.parse().ok()?;
        let text = app.ask(async |items| items.text(id).await).await;
        let text = text.ok().flatten();
        return Some(Notice::Deleted { id, text });
    }
    if arrival.changed.is_some() {
        return Some(Notice::Changed);
    }
    let id: ItemId = arrival.accepted.as_deref()?.parse().ok()?;
    if items.iter().any(|item| item.id == id) {
        return Some(Notice::Added { shown: Some(id) });
    }
    match app.ask(async |items| items.get(id).await).await {
        Ok(Some(_)) => Some(Notice::Added { shown: None }),
        Ok(None) | Err(_) => Some(Notice::Accepted),
    }
}

impl Items {
    fn new(
        view: &View,
        counts: Result<Counts, Unread>,
        found: Vec<Item>,
        arrival: &Arrival,
        language: Language,
    ) -> Self {
        let filter = |show| Filter {
            name: (language.0.filter)(show),
            address: view.showing(show).address(),
            selected: show == view.show && view.page == Page::Newest,
        };
        let touched = arrival.accepted.as_ref().or(arrival.changed.as_ref());
        Self {
            place: Place::from(view),
            segment: view.list_segment(),
            counts,
            rows: row::rows(found, touched.and_then(|id| id.parse().ok())),
            filters: Show::EACH.map(filter).into(),
        }
    }

    /// Returns whether the query failed.
    fn away(&self) -> bool {
        self.counts.is_err()
    }

    /// The number of items in the list; below, of completed and of open ones.
    fn total(&self) -> i64 {
        self.counts.map_or(0, |counts| counts.total)
    }

    fn done(&self) -> i64 {
        self.counts.map_or(0, |counts| counts.completed)
    }

    fn left(&self) -> i64 {
        self.total() - self.done()
    }
}

impl Show {
    /// The number of items that match this filter.
    fn of(self, counts: Counts) -> i64 {
        match self {
            Self::All => counts.total,
            Self::Active => counts.total - counts.completed,
            Self::Completed => counts.completed,
        }
    }
}
