//! The web page, as a user reads it.

use anyhow::{Context, Result, ensure};
use testkit::{http, try_eventually};

use super::docker::Docker;
use super::look::SOON;

/// An accepted item: the page of confirmation, and the item's id.
pub(super) struct Accepted {
    pub(super) page: String,
    pub(super) id: String,
}

/// Returns the home page, in English.
pub(super) async fn home(docker: &Docker) -> Result<String> {
    get(&docker.web("/")).await
}

/// Waits until the home page shows `text`; a published item is saved in a moment.
pub(super) async fn shows(docker: &Docker, text: &str) -> Result<()> {
    let what = format!("the page shows `{text}`");
    try_eventually(&what, SOON, async || {
        ensure!(home(docker).await?.contains(text), "it does not");
        Ok(())
    })
    .await
}

/// Waits until the home page's count is `items`.
pub(super) async fn counts(docker: &Docker, items: usize) -> Result<()> {
    let what = format!("the page says that there are {items} items");
    try_eventually(&what, SOON, async || {
        let said = count(&home(docker).await?);
        ensure!(said == Some(items), "it says {said:?}");
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

/// Returns the value that follows `name` in the element that has `mark`.
fn attribute(html: &str, mark: &str, name: &str) -> Option<String> {
    let (_, element) = html.split_once(mark)?;
    let (_, value) = element.split_once('>')?.0.split_once(name)?;
    Some(value.split_once('"')?.0.to_owned())
}

/// Returns the page's count of items.
fn count(page: &str) -> Option<usize> {
    attribute(page, "class=\"todo-count\"", "data-total=\"")?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::{attribute, count};

    #[test]
    fn the_whole_number_is_read() {
        let sums = r#"<span class="todo-count" data-total="60" data-done="1"><strong>59</strong> items left"#;
        assert_eq!(count(sums), Some(60));
        assert_eq!(count("<b>1 item</b>"), None);
    }

    #[test]
    fn a_value_is_that_of_the_marked_element() {
        let form = r#"<input name="item" value="a"><input name="key" value="b" hidden>"#;

        assert_eq!(
            attribute(form, "name=\"key\"", "value=\"").as_deref(),
            Some("b")
        );
        assert_eq!(attribute(form, "name=\"page\"", "value=\""), None);
    }
}
