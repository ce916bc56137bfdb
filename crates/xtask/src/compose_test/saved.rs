//! The savers' log lines about saved items.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};

use super::docker::Docker;

/// Returns the members that saved each item, one entry for each log line.
pub(super) async fn by_item(docker: &Docker) -> Result<BTreeMap<String, Vec<String>>> {
    let log = docker
        .compose_quietly("logs --no-color save-handler")
        .await?;
    let mut items = BTreeMap::<String, Vec<String>>::new();
    for (item, member) in log.lines().filter_map(saved) {
        items.entry(item).or_default().push(member);
    }
    Ok(items)
}

/// Returns the number of these items that each member saved; fails unless each item was saved once.
pub(super) async fn shares(docker: &Docker, items: &[String]) -> Result<BTreeMap<String, usize>> {
    let saved = by_item(docker).await?;
    let mut shares = BTreeMap::new();
    for item in items {
        let by = saved.get(item).map(Vec::as_slice).unwrap_or_default();
        ensure!(by.len() == 1, "item {item} was saved by {by:?}, not once");
        *shares.entry(by[0].clone()).or_default() += 1;
    }
    Ok(shares)
}

/// Parses `<member>  | … saved item item.id=<id>` into the id and the member.
fn saved(line: &str) -> Option<(String, String)> {
    let (before, after) = line.split_once(" saved item item.id=")?;
    let (member, _) = before.split_once('|')?;
    let item = after.split(' ').next()?;
    Some((item.to_owned(), member.trim_end().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::saved;

    #[test]
    fn a_line_tells_the_item_and_the_member() {
        let line = "save-handler-1  | 2026-11-20T14:04:38Z  INFO saved item item.id=i1";
        let found = Some(("i1".to_owned(), "save-handler-1".to_owned()));

        assert_eq!(saved(line), found);
        assert_eq!(saved(&format!("{line} event.id=e1")), found);
        assert_eq!(
            saved("save-handler-1  | INFO listening on events.todo.>"),
            None
        );
    }
}
