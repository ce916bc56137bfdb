//! The list whose page a request came from.

use axum::http::{HeaderMap, Uri, header, uri::Authority};
use percent_encoding::percent_decode_str;

use crate::view::View;

/// The list that a request is about, or else the one whose page it was sent from.
pub(crate) fn list_of(uri: &Uri, headers: &HeaderMap) -> View {
    let path = Some(uri.path());
    let list = path.and_then(named).or_else(|| named(&referrer(headers)?));
    list.unwrap_or_default()
}

/// The path of the page that a request was sent from, if that is one of ours.
fn referrer(headers: &HeaderMap) -> Option<String> {
    let text = |name| headers.get(name)?.to_str().ok();
    let referrer: Uri = text(header::REFERER)?.parse().ok()?;
    let is_ours = text(header::HOST) == referrer.authority().map(Authority::as_str);
    is_ours.then(|| referrer.path().to_owned())
}

/// The list that an address names.
fn named(path: &str) -> Option<View> {
    let name = path.strip_prefix("/lists/")?.split('/').next()?;
    let name = percent_decode_str(name).decode_utf8().ok()?;
    Some(View::of(name.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn back(uri: &str, referrer: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, "todo.example".parse().unwrap());
        headers.insert(header::REFERER, referrer.parse().unwrap());
        list_of(&uri.parse().unwrap(), &headers).address()
    }

    #[test]
    fn it_came_from_the_list_that_its_own_address_names_or_the_one_it_was_sent_from() {
        let shopping = "https://todo.example/lists/shopping?show=active";
        assert_eq!(back("/items/1", shopping), "/lists/shopping");
        assert_eq!(back("/lists/a%2Fb/all", shopping), "/lists/a%2Fb");
        assert_eq!(back("/items/1", "https://todo.example/"), "/");
    }

    #[test]
    fn what_is_no_page_of_ours_leads_to_the_list_of_all() {
        for referrer in [
            "https://elsewhere.example/lists/shopping",
            "https://todo.example/lists/%ff",
            "https://todo.example/lists/%00/all",
            "/lists/shopping",
            "no address",
        ] {
            assert_eq!(back("/items/1", referrer), "/", "{referrer}");
        }
    }
}
