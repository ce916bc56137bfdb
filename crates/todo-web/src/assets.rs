//! What makes the pages look good. It is part of the binary, so that there is nothing to deploy.

use std::sync::LazyLock;

use axum::{
    Router,
    extract::Path,
    http::{HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

const STYLE: &str = include_str!("../assets/style.css");
const SCRIPT: &str = include_str!("../assets/live.js");
const ICON: &str = include_str!("../assets/favicon.svg");

/// A browser may keep the style for ever: with other content it has another address.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
const FOR_A_DAY: &str = "public, max-age=86400";
const NOT_AT_ALL: &str = "no-store";

/// Where the style is. The address has a fingerprint of the content.
pub(crate) fn style_path() -> &'static str {
    static PATH: LazyLock<String> =
        LazyLock::new(|| format!("/assets/style.{:016x}.css", fingerprint(STYLE)));
    &PATH
}

/// Where the script is, in the same way.
pub(crate) fn script_path() -> &'static str {
    static PATH: LazyLock<String> =
        LazyLock::new(|| format!("/assets/live.{:016x}.js", fingerprint(SCRIPT)));
    &PATH
}

pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route(style_path(), get(async || style(FOR_EVER)))
        .route(script_path(), get(async || script(FOR_EVER)))
        .route("/assets/{file}", get(other))
        .route("/favicon.svg", get(async || icon()))
        .route("/favicon.ico", get(async || icon()))
}

/// While replicas of two versions run, a page comes from one and its style is asked of the other. The
/// other version's style is better than none, as long as nobody keeps it.
async fn other(Path(file): Path<String>) -> Response {
    let is = |name: &str, kind: &str| file.starts_with(name) && file.ends_with(kind);
    if is("style.", ".css") {
        style(NOT_AT_ALL).into_response()
    } else if is("live.", ".js") {
        script(NOT_AT_ALL).into_response()
    } else {
        StatusCode::NOT_FOUND.into_response()
    }
}

fn style(kept: &'static str) -> impl IntoResponse {
    file("text/css; charset=utf-8", kept, STYLE)
}

fn script(kept: &'static str) -> impl IntoResponse {
    file("text/javascript; charset=utf-8", kept, SCRIPT)
}

fn icon() -> impl IntoResponse {
    file("image/svg+xml", FOR_A_DAY, ICON)
}

fn file(
    kind: &'static str,
    kept: &'static str,
    content: &'static str,
) -> ([(HeaderName, &'static str); 2], &'static str) {
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, kept)];
    (headers, content)
}

/// A short hash (FNV-1a) that every build and every replica makes the same.
fn fingerprint(content: &str) -> u64 {
    content.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
