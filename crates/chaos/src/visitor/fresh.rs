//! The state of a list as a newly loaded page shows it.

use anyhow::{Context, Result, ensure};
use testkit::http;

use crate::tables::{self, Shown};

/// The source of a subscriber's fresh state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The page: the end of the default list.
    Page,
    /// The API: all of a list.
    Api(&'static str),
}

/// A list at one moment.
#[derive(Debug, PartialEq)]
pub(super) struct Fresh {
    pub(super) rows: Vec<Shown>,
    /// The least `order` from which on the state is complete.
    pub(super) floor: f64,
    /// The sequence up to which saved states are included, if the source tells it.
    pub(super) after: Option<u64>,
}

impl Source {
    pub(super) fn list(self) -> &'static str {
        match self {
            Self::Page => "default",
            Self::Api(list) => list,
        }
    }

    pub(super) fn is_whole(self) -> bool {
        self != Self::Page
    }

    pub(super) fn service(self) -> &'static str {
        match self {
            Self::Page => "todo-web",
            Self::Api(_) => "todo-api",
        }
    }

    /// Fetches the state from the service at `at`.
    pub(super) async fn fetch(self, at: &str) -> Result<Fresh> {
        match self {
            Self::Page => {
                let page = http::get(&format!("{at}/")).await?;
                ensure!(page.status == 200, "there is no page");
                read(&page.text())
            }
            Self::Api(list) => Ok(Fresh {
                rows: tables::listed(at, list).await?,
                floor: f64::NEG_INFINITY,
                after: None,
            }),
        }
    }
}

/// Parses a page.
fn read(page: &str) -> Result<Fresh> {
    ensure!(!page.contains(" data-away"), "a page without the list");
    let items = between(page, "<ul class=\"todo-list\"", "</ul>")?;
    let rows = items.split("<li id=\"item-").skip(1).map(row);
    let rows = rows.collect::<Result<Vec<_>>>()?;
    let first = rows.first().map(|row| row.order);
    let is_part = page.contains(" data-part");
    Ok(Fresh {
        floor: first.filter(|_| is_part).unwrap_or(f64::NEG_INFINITY),
        after: Some(between(page, "data-after=\"", "\"")?.parse()?),
        rows,
    })
}

/// Parses an item, from its id on. The texts of the load need no unescaping.
fn row(text: &str) -> Result<Shown> {
    let shown = between(text, "data-testid=\"todo-title\">", "</span>")?;
    let toggle = between(text, "<input class=\"toggle\"", ">")?;
    Ok(Shown {
        id: text.get(..36).context("no identity")?.parse()?,
        item: shown.to_owned(),
        completed: toggle.contains(" checked"),
        order: between(text, "data-order=\"", "\"")?.parse()?,
        version: between(text, "data-version=\"", "\"")?.parse()?,
    })
}

fn between<'t>(text: &'t str, before: &str, after: &str) -> Result<&'t str> {
    let found = text.split_once(before);
    let found = found.and_then(|(_, rest)| rest.split_once(after));
    found
        .map(|(found, _)| found)
        .with_context(|| format!("there is no {before}"))
}
