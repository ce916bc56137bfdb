//! `/lists`: all lists, and a form to open any other by its name.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use events::ListName;
use percent_encoding::utf8_percent_encode;
use serde::Deserialize;
use store::{Counts, ListCounts, Lists};

use crate::{
    app::{App, Unread},
    language::Language,
    refusal::Refusal,
    render::{self, Frame},
    view::{PLAIN, View},
};

/// Lists per page.
const PAGE: u32 = 100;

/// The query parameters of `/lists`.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    /// The list with this name.
    name: Option<String>,
    /// The lists whose names come after this one.
    after: Option<String>,
}

#[derive(Template)]
#[template(path = "lists.html")]
struct Index {
    frame: Frame,
    lists: Result<Vec<Line>, Unread>,
    /// The address of the next page, and whether this one is not the first.
    next: Option<String>,
    is_later: bool,
    /// The name that was typed, and what to change about it.
    name: String,
    problem: Option<String>,
}

/// A list as it is shown.
struct Line {
    view: View,
    counts: String,
}

/// Redirects to the named list, or shows all lists.
pub(crate) async fn index(
    State(app): State<Arc<App>>,
    language: Language,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Refusal> {
    let (name, problem) = match wanted.name {
        None => (String::new(), None),
        Some(name) => match name.parse::<ListName>() {
            Ok(list) => return Ok(Redirect::to(&View::of(list).address()).into_response()),
            Err(invalid) => (name, Some((language.0.invalid_name)(invalid))),
        },
    };
    let after = wanted.after.map(|after| after.parse::<ListName>());
    let after = after.transpose().map_err(|_| Refusal::bad_page())?;
    let (lists, next) = match look(&app, after.as_ref()).await {
        Ok(Lists { lists, next }) => {
            let line = |list| Line::new(list, language);
            (Ok(lists.into_iter().map(line).collect()), next)
        }
        Err(why) => (Err(why), None),
    };
    let status = if problem.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let template = Index {
        frame: Frame::new(language),
        lists,
        next: next.map(|name| utf8_percent_encode(name.as_str(), &PLAIN).to_string()),
        is_later: after.is_some(),
        name,
        problem,
    };
    Ok(render::page(status, &template))
}

/// The lists after that name. The default list comes first, with or without items.
async fn look(app: &App, after: Option<&ListName>) -> Result<Lists, Unread> {
    let default = ListName::default();
    let mut found = app
        .ask(async |items| items.lists(after, PAGE).await)
        .await?;
    found.lists.retain(|list| list.name != default);
    if after.is_none() {
        let counts = app.ask(async |items| items.count(&default).await).await?;
        let first = ListCounts {
            name: default,
            counts: Some(counts),
        };
        found.lists.insert(0, first);
    }
    Ok(found)
}

impl Line {
    fn new(list: ListCounts, language: Language) -> Self {
        let texts = language.0;
        let counts = list.counts.map_or(
            texts.many_items.to_owned(),
            |Counts { total, completed }| (texts.list_counts)(total - completed, completed),
        );
        Self {
            view: View::of(list.name),
            counts,
        }
    }
}
