//! The pages' static files: styles, scripts and the icon. They are part of the binary, so that there is
//! nothing else to deploy.
//!
//! A file's path contains a fingerprint of all files. So a browser may cache it for ever, and modules
//! import each other by relative paths, without a build step.

use std::{collections::HashMap, sync::LazyLock};

use axum::{
    Router,
    extract::Path,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

/// A browser may keep these for ever: with other content they have another address.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
const FOR_A_DAY: &str = "public, max-age=86400";
const NOT_AT_ALL: &str = "no-store";

const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";

/// The files: name, media type, content.
const FILES: [(&str, &str, &str); 13] = [
    ("style.css", CSS, include_str!("../assets/style.css")),
    ("system.css", CSS, include_str!("../assets/system.css")),
    ("page.js", JS, include_str!("../assets/page.js")),
    ("list.js", JS, include_str!("../assets/list.js")),
    ("feed.js", JS, include_str!("../assets/feed.js")),
    ("stream.js", JS, include_str!("../assets/stream.js")),
    ("outbox.js", JS, include_str!("../assets/outbox.js")),
    ("keep.js", JS, include_str!("../assets/keep.js")),
    ("refused.js", JS, include_str!("../assets/refused.js")),
    ("edit.js", JS, include_str!("../assets/edit.js")),
    ("order.js", JS, include_str!("../assets/order.js")),
    ("moments.js", JS, include_str!("../assets/moments.js")),
    ("system.js", JS, include_str!("../assets/system.js")),
];

const ICON: &str = include_str!("../assets/favicon.svg");

/// A short hash (FNV-1a) that every build and every replica makes the same.
static FINGERPRINT: LazyLock<String> = LazyLock::new(|| {
    let bytes = FILES.iter().flat_map(|(_, _, content)| content.bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
});

/// The path of each file.
static PATHS: LazyLock<HashMap<&str, String>> = LazyLock::new(|| {
    let path = |name| format!("/assets/{}/{name}", *FINGERPRINT);
    FILES.map(|(name, _, _)| (name, path(name))).into()
});

/// The address of a file; a name that is none leads nowhere.
pub(crate) fn path(name: &str) -> &'static str {
    PATHS.get(name).map_or("", String::as_str)
}

pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/assets/{fingerprint}/{file}", get(asset))
        .route("/favicon.svg", get(async || icon()))
        .route("/favicon.ico", get(async || icon()))
}

/// While replicas of two versions run, a page comes from one and its style is asked of the other.
/// The other version's style is better than none, as long as nobody keeps it.
async fn asset(Path((fingerprint, name)): Path<(String, String)>) -> Response {
    let kept = if fingerprint == *FINGERPRINT {
        FOR_EVER
    } else {
        NOT_AT_ALL
    };
    match FILES.iter().find(|(file, _, _)| *file == name) {
        Some((_, kind, content)) => file(kind, kept, content),
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
