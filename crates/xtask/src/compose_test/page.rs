//! The web page, as a user reads it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use testkit::{http, try_eventually};

use super::docker::Docker;

/// What was accepted: the page that says so, and the item's id.
pub(super) struct Accepted {
    pub(super) page: String,
    pub(super) id: String,
}

/// The home page, in English.
pub(super) async fn home(docker: &Docker) -> Result<String> {
    get(&docker.web("/")).await
}

/// Waits until the home page shows `text`; what is published is saved in a moment.
pub(super) async fn shows(docker: &Docker, text: &str) -> Result<()> {
    let what = format!("the page shows `{text}`");
    try_eventually(&what, Duration::from_secs(20), async || {
        let page = home(docker).await?;
        ensure!(page.contains(text), "only {}", list(&page));
        Ok(())
    })
    .await
}

/// Fills in the form and sends it, as a browser does.
pub(super) async fn add(docker: &Docker, item: &str) -> Result<Accepted> {
    let page = home(docker).await?;
    let (_, form) = page
        .split_once("action=\"/new\"")
        .context("the page has no form")?;
    let key = attribute(form, "name=\"key\"", "value=\"").context("the form has no key")?;
    let answer = http::post_form(&docker.web("/new"), &[("item", item), ("key", &key)]).await?;
    let place = answer.header("location").map(str::to_owned);
    let place = place.filter(|_| answer.status == 303);
    let place = place.with_context(|| format!("status {}: {}", answer.status, answer.text()))?;
    Ok(Accepted {
        page: get(&docker.web(&place)).await?,
        id: key,
    })
}

async fn get(url: &str) -> Result<String> {
    let answer = http::request("GET", url, &[("accept-language", "en")], b"").await?;
    ensure!(answer.status == 200, "status {} at {url}", answer.status);
    Ok(answer.text())
}

/// What stands behind `name` in the element that has `mark`.
fn attribute(html: &str, mark: &str, name: &str) -> Option<String> {
    let (_, element) = html.split_once(mark)?;
    let (_, value) = element.split_once('>')?.0.split_once(name)?;
    Some(value.split_once('"')?.0.to_owned())
}

/// The part of a page that says how much there is, for an error's text.
fn list(page: &str) -> &str {
    let from = page.find("class=\"sums\"").unwrap_or_default();
    page[from..].lines().next().unwrap_or_default()
}
