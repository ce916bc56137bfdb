//! `OPTIONS`: what an address can do.

use axum::{
    http::{HeaderName, StatusCode, header},
    response::IntoResponse,
    routing::{MethodRouter, options},
};

use crate::body::PATCHES;

const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");

/// Answers `OPTIONS` at an address that knows the `methods`.
pub(crate) fn allow<S: Clone + Send + Sync + 'static>(methods: String) -> MethodRouter<S> {
    let patches = methods.contains("PATCH");
    let patches = patches.then_some([(ACCEPT_PATCH, PATCHES)]);
    options(async move || {
        let allowed = [(header::ALLOW, methods)];
        match patches {
            Some(patches) => (StatusCode::NO_CONTENT, allowed, patches).into_response(),
            None => (StatusCode::NO_CONTENT, allowed).into_response(),
        }
    })
}
