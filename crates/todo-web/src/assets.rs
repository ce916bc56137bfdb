//! What makes the pages look good. It is part of the binary, so that there is nothing to deploy.

use std::sync::LazyLock;

use axum::{
    Router,
    http::{StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::get,
};

/// A browser may keep these for ever: with other content they have another address.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
const FOR_A_DAY: &str = "public, max-age=86400";
const NOT_AT_ALL: &str = "no-store";

pub(crate) static STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("style", CSS, include_str!("../assets/style.css")));
pub(crate) static SYSTEM_STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("system", CSS, include_str!("../assets/system.css")));
pub(crate) static SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("live", JS, include_str!("../assets/live.js")));
pub(crate) static SYSTEM_SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("system", JS, include_str!("../assets/system.js")));

const ICON: &str = include_str!("../assets/favicon.svg");

/// The ending of a file's name, and its media type.
type Kind = (&'static str, &'static str);
const CSS: Kind = ("css", "text/css; charset=utf-8");
const JS: Kind = ("js", "text/javascript; charset=utf-8");

/// A file that pages refer to.
pub(crate) struct Asset {
    name: &'static str,
    kind: Kind,
    content: &'static str,
    /// Where it is. The address has a fingerprint of the content.
    pub(crate) path: String,
}

impl Asset {
    fn new(name: &'static str, kind: Kind, content: &'static str) -> Self {
        let fingerprint = fingerprint(content);
        Self {
            name,
            kind,
            content,
            path: format!("/assets/{name}.{fingerprint:016x}.{}", kind.0),
        }
    }

    /// While replicas of two versions run, a page comes from one and its style is asked of the other.
    /// The other version's style is better than none, as long as nobody keeps it.
    fn answer(&self, path: &str) -> Response {
        let kept = if path == self.path {
            FOR_EVER
        } else {
            NOT_AT_ALL
        };
        file(self.kind.1, kept, self.content)
    }
}

pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/assets/{file}", get(async |uri: Uri| asset(uri.path())))
        .route("/favicon.svg", get(async || icon()))
        .route("/favicon.ico", get(async || icon()))
}

fn asset(path: &str) -> Response {
    let assets = [&STYLE, &SYSTEM_STYLE, &SCRIPT, &SYSTEM_SCRIPT];
    let asked = path.trim_start_matches("/assets/");
    let is = |asset: &&&LazyLock<Asset>| {
        let (start, end) = (format!("{}.", asset.name), format!(".{}", asset.kind.0));
        asked.starts_with(&start) && asked.ends_with(&end)
    };
    match assets.iter().find(is) {
        Some(asset) => asset.answer(path),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn icon() -> Response {
    file("image/svg+xml", FOR_A_DAY, ICON)
}

fn file(kind: &'static str, kept: &'static str, content: &'static str) -> Response {
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, kept)];
    (headers, content).into_response()
}

/// A short hash (FNV-1a) that every build and every replica makes the same.
fn fingerprint(content: &str) -> u64 {
    content.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
