//! The tables, read with the database's own client.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;
use testkit::System;
use uuid::Uuid;

use crate::model::Item;

/// A row of the items.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Row {
    pub(crate) id: Uuid,
    pub(crate) version: i64,
    #[serde(flatten)]
    pub(crate) item: Item,
}

/// All items.
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

/// How often each sequence was written down by the audit, with its subject and the length of its body.
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
