//! The final state: the tables, read with the database's own client, and the lists, page by page from
//! the API.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result};
use serde::Deserialize;
use testkit::{System, http, try_eventually};
use uuid::Uuid;

use crate::model::Item;

/// Time that the API may fail to list items after the last fault.
const PATIENCE: Duration = Duration::from_secs(30);

/// A row of `items`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Row {
    pub(crate) id: Uuid,
    pub(crate) version: i64,
    #[serde(flatten)]
    pub(crate) item: Item,
}

/// Returns all rows of `items`, by id.
pub(crate) async fn items(system: &System) -> Result<BTreeMap<Uuid, Row>> {
    let text = system
        .sql(
            r#"select coalesce(json_agg(found), '[]') from (
                select item_id as id, version, created_position is not null as added, list, item,
                    "order", completed, deleted,
                    (extract(epoch from added_at) * 1000000)::bigint as "addedAt"
                from items
            ) as found"#,
        )
        .await?;
    let rows: Vec<Row> = serde_json::from_str(&text).context("cannot read the items")?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

/// Returns the rows of the audit in the order of their sequences: sequence, subject and length of the
/// body in bytes.
pub(crate) async fn audit(system: &System) -> Result<Vec<(u64, String, usize)>> {
    let text = system
        .sql("select sequence, subject, octet_length(payload) from audit.events order by sequence")
        .await?;
    let lines = text.lines().map(|line| {
        let mut columns = line.split('|');
        let mut next = || columns.next().context("a column is missing");
        Ok((next()?.parse()?, next()?.to_owned(), next()?.parse()?))
    });
    lines.collect()
}

/// Returns the items of a list from the API.
pub(crate) async fn listed(api: &str, list: &str) -> Result<Vec<Shown>> {
    let (mut shown, mut after) = (Vec::new(), String::new());
    loop {
        let url = format!("{api}/todo?limit=100&list={list}{after}");
        // A database that is still slow leads to an error response and a retry.
        let page = try_eventually("the API lists items", PATIENCE, async || {
            let answer = http::get(&url).await?;
            let page: Result<Page> = serde_json::from_slice(&answer.body)
                .with_context(|| format!("no page: {}", answer.text()));
            page
        });
        let page = page.await?;
        shown.extend(page.items);
        match page.next {
            Some(next) => after = format!("&after={next}"),
            None => return Ok(shown),
        }
    }
}

/// An item as the API returns it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Shown {
    pub(crate) id: Uuid,
    pub(crate) item: String,
    pub(crate) completed: bool,
    pub(crate) order: f64,
    pub(crate) version: i64,
}

#[derive(Deserialize)]
struct Page {
    items: Vec<Shown>,
    next: Option<String>,
}
