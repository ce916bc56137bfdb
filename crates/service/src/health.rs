//! Whether the process lives, and whether it can work.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{Json, Router, http::StatusCode, response::IntoResponse, routing::get};
use serde::Serialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The outside things that the process needs, each with its cached state. Asking is never more
/// than reading these, so an answer takes no time even when the things themselves hang.
#[derive(Default)]
pub(crate) struct Readiness {
    checks: BTreeMap<&'static str, watch::Receiver<bool>>,
}

#[derive(Serialize)]
struct Report {
    ready: bool,
    checks: BTreeMap<&'static str, bool>,
}

impl Readiness {
    pub(crate) fn depends_on(&mut self, what: &'static str, state: watch::Receiver<bool>) {
        self.checks.insert(what, state);
    }

    fn report(&self, stopping: bool) -> Report {
        let checks: BTreeMap<_, _> = self
            .checks
            .iter()
            .map(|(what, state)| (*what, *state.borrow()))
            .collect();
        Report {
            ready: !stopping && checks.values().all(|good| *good),
            checks,
        }
    }
}

/// A panic while the lock was held leaves nothing half done here, so it is no reason to panic too.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn routes(readiness: Arc<Mutex<Readiness>>, stop: CancellationToken) -> Router {
    let ready = move || {
        let report = lock(&readiness).report(stop.is_cancelled());
        let status = if report.ready {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        std::future::ready((status, Json(report)).into_response())
    };
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
}
