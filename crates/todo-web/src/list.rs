//! `/` and `/list`: what there is to do.

use askama::Template;
use std::sync::Arc;

use axum::{
    extract::{Query, State},
    http::StatusCode,
    response::Response,
};
use events::{ItemId, ListName};
use serde::Deserialize;
use store::{Counts, Cursor, Item};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    add::AddForm,
    app::App,
    language::Language,
    refusal::Refusal,
    render::{self, Frame},
    when::When,
};

/// How many items a page shows.
const PAGE: u32 = 100;

/// What brings a visitor here.
#[derive(Default, Deserialize)]
pub(crate) struct Arrival {
    /// The item whose event was just accepted.
    accepted: Option<String>,
    /// The item that was just changed.
    changed: Option<String>,
    /// The place in the list after which a page begins.
    after: Option<String>,
}

/// What a visitor is told about what they just did.
enum Notice {
    Accepted,
    /// The item is saved already; if it is on the page it can be jumped to.
    Added {
        shown: Option<ItemId>,
    },
    Changed,
}

/// An item as it is shown.
struct Row {
    id: ItemId,
    text: String,
    completed: bool,
    /// Its place in the list.
    order: f64,
    version: i64,
    added: When,
    /// Whether the visitor just added or changed it.
    fresh: bool,
}

/// How much there is, in words.
struct Sums {
    total: i64,
    completed: i64,
    items: String,
    open: String,
    done: String,
    /// The three of them for one, and for any number, which goes where `#` stands: the page counts on
    /// by itself.
    one: [String; 3],
    many: [String; 3],
}

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    frame: Frame,
    sums: Option<Sums>,
    notice: Option<Notice>,
    form: AddForm,
    away: bool,
    rows: Vec<Row>,
    newest: Option<String>,
    place: Option<String>,
    /// What is shown is not older than this place in the stream.
    after: u64,
    /// An item that is open and one that is done, to be filled in by the page.
    blanks: [Row; 2],
}

#[derive(Template)]
#[template(path = "page.html")]
struct Page {
    frame: Frame,
    sums: Option<Sums>,
    notice: Option<Notice>,
    away: bool,
    rows: Vec<Row>,
    first: bool,
    next: Option<Cursor>,
    place: Option<String>,
}

/// The home page: how many items there are, the newest of them, and a form for another.
pub(crate) async fn home(
    State(app): State<Arc<App>>,
    language: Language,
    Query(arrival): Query<Arrival>,
) -> Response {
    let list = ListName::default();
    // Before the database is asked: what is saved meanwhile will be pushed.
    let after = app.hub().last();
    let seen = app
        .ask(async |items| tokio::try_join!(items.count(&list), items.newest(&list, PAGE)))
        .await;
    let away = seen.is_none();
    let (counts, items) = seen.unzip();
    let items = items.unwrap_or_default();
    let notice = notice(&app, &arrival, &items).await;
    let texts = language.0;
    let shown = i64::try_from(items.len()).unwrap_or(i64::MAX);
    let is_part = counts.is_some_and(|counts| counts.total > shown);
    let template = Home {
        frame: Frame::new(language),
        sums: counts.map(|counts| Sums::new(counts, language)),
        form: AddForm::empty(notice.is_some()),
        notice,
        away,
        newest: is_part.then(|| (texts.newest)(items.len())),
        rows: rows(items, &arrival, language),
        place: None,
        after,
        blanks: [false, true].map(|completed| Row::blank(completed, language)),
    };
    render::page(StatusCode::OK, &template)
}

/// The whole list, a hundred items a page.
pub(crate) async fn page(
    State(app): State<Arc<App>>,
    language: Language,
    Query(arrival): Query<Arrival>,
) -> Result<Response, Refusal> {
    let after: Option<Cursor> = match &arrival.after {
        Some(after) => Some(after.parse().map_err(|_| Refusal::bad_page())?),
        None => None,
    };
    let list = ListName::default();
    let seen = app
        .ask(async |items| tokio::try_join!(items.count(&list), items.list(&list, after, PAGE)))
        .await;
    let away = seen.is_none();
    let (counts, found) = seen.unzip();
    let (items, next) = found.map_or_else(Default::default, |page| (page.items, page.next));
    let template = Page {
        frame: Frame::new(language),
        sums: counts.map(|counts| Sums::new(counts, language)),
        notice: notice(&app, &arrival, &items).await,
        away,
        rows: rows(items, &arrival, language),
        first: after.is_none(),
        next,
        place: Some(arrival.after.unwrap_or_default()),
    };
    Ok(render::page(StatusCode::OK, &template))
}

async fn notice(app: &App, arrival: &Arrival, items: &[Item]) -> Option<Notice> {
    if arrival.changed.is_some() {
        return Some(Notice::Changed);
    }
    let id: ItemId = arrival.accepted.as_deref()?.parse().ok()?;
    if items.iter().any(|item| item.id == id) {
        return Some(Notice::Added { shown: Some(id) });
    }
    match app.ask(async |items| items.get(id).await).await {
        Some(Some(_)) => Some(Notice::Added { shown: None }),
        Some(None) | None => Some(Notice::Accepted),
    }
}

fn rows(items: Vec<Item>, arrival: &Arrival, language: Language) -> Vec<Row> {
    let now = OffsetDateTime::now_utc();
    let touched = arrival.accepted.as_ref().or(arrival.changed.as_ref());
    let touched: Option<ItemId> = touched.and_then(|id| id.parse().ok());
    let row = |item: Item| Row {
        id: item.id,
        text: item.item.into(),
        completed: item.completed,
        order: item.order.get(),
        version: item.version,
        added: When::new(item.added_at, now, language.0),
        fresh: touched == Some(item.id),
    };
    items.into_iter().map(row).collect()
}

impl Row {
    fn blank(completed: bool, language: Language) -> Self {
        let now = OffsetDateTime::now_utc();
        Self {
            id: Uuid::nil().into(),
            text: String::new(),
            completed,
            order: 0.0,
            version: 0,
            added: When::new(now, now, language.0),
            fresh: false,
        }
    }
}

impl Sums {
    fn new(counts: Counts, language: Language) -> Self {
        /// A number that nobody counts to.
        const ANY: i64 = i64::MAX;
        let texts = language.0;
        let words = [texts.items, texts.open, texts.done];
        Self {
            total: counts.total,
            completed: counts.completed,
            items: (texts.items)(counts.total),
            open: (texts.open)(counts.total - counts.completed),
            done: (texts.done)(counts.completed),
            one: words.map(|words| words(1)),
            many: words.map(|words| words(ANY).replace(&ANY.to_string(), "#")),
        }
    }
}
