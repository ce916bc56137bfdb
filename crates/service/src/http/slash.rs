//! Addresses with a trailing slash.

use axum::{
    extract::OriginalUri,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

/// Handles requests without a route: redirects to the address without its trailing slashes, if it has any
/// (308); or else responds that there is nothing (404).
pub async fn nothing_here(OriginalUri(uri): OriginalUri) -> Response {
    let path = uri.path();
    let shorter = path.trim_end_matches('/');
    // An address that begins with two slashes is another host's.
    let is_ours = shorter.starts_with('/') && !shorter.starts_with("//");
    if shorter.len() == path.len() || !is_ours {
        return StatusCode::NOT_FOUND.into_response();
    }
    let location = match uri.query() {
        Some(query) => format!("{shorter}?{query}"),
        None => shorter.to_owned(),
    };
    let location = [(header::LOCATION, location)];
    (StatusCode::PERMANENT_REDIRECT, location).into_response()
}

#[cfg(test)]
mod tests {
    use axum::{
        extract::OriginalUri,
        http::{StatusCode, header},
    };

    use super::nothing_here;

    #[tokio::test]
    async fn an_address_that_ends_in_a_slash_is_that_without_it() {
        for (asked, meant) in [
            ("/todo/", Some("/todo")),
            (
                "/lists/a%2F/todos/?limit=2",
                Some("/lists/a%2F/todos?limit=2"),
            ),
            ("/todo///", Some("/todo")),
            ("/nothing", None),
            ("/", None),
            ("//", None),
            ("//elsewhere.example/", None),
        ] {
            let answer = nothing_here(OriginalUri(asked.parse().unwrap())).await;
            let location = answer.headers().get(header::LOCATION);
            let location = location.map(|location| location.to_str().unwrap());
            assert_eq!(location, meant, "{asked}");
            let moved = answer.status() == StatusCode::PERMANENT_REDIRECT;
            assert_eq!(moved, meant.is_some(), "{asked}");
        }
    }
}
