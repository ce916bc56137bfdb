//! Health endpoints: liveness, readiness, and the state of each dependency.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Serialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::http::Json;

/// A dependency by its name, and its cached state.
pub type Check = (&'static str, watch::Receiver<bool>);

/// The dependencies of the process. A check only reads cached states, so it takes no time even when the
/// dependencies themselves hang.
#[derive(Default)]
pub(crate) struct Readiness(Vec<Requirement>);

/// A dependency without which the process is not ready.
pub(crate) enum Requirement {
    /// This one.
    Of(Check),
    /// At least one of these two; the part of the work that needs the other waits for it.
    Either(Check, Check),
}

#[derive(Serialize)]
struct Report {
    ready: bool,
    checks: BTreeMap<&'static str, bool>,
}

impl Requirement {
    fn is_met(&self) -> bool {
        self.checks().any(|(_, state)| *state.borrow())
    }

    pub(crate) fn checks(&self) -> impl Iterator<Item = &Check> {
        let (one, other) = match self {
            Self::Of(check) => (check, None),
            Self::Either(one, other) => (one, Some(other)),
        };
        std::iter::once(one).chain(other)
    }
}

impl Readiness {
    pub(crate) fn require(&mut self, need: Requirement) {
        self.0.push(need);
    }

    /// Returns whether the process is ready to get requests.
    fn is_ready(&self) -> bool {
        self.0.iter().all(Requirement::is_met)
    }

    fn checks(&self) -> BTreeMap<&'static str, bool> {
        let checks = self.0.iter().flat_map(Requirement::checks);
        checks
            .map(|(what, state)| (*what, *state.borrow()))
            .collect()
    }
}

/// Locks, and ignores poisoning: a panic while the lock was held leaves nothing half done here.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn routes(readiness: Arc<Mutex<Readiness>>, stop: CancellationToken) -> Router {
    let of_use = {
        let (readiness, stop) = (Arc::clone(&readiness), stop.clone());
        move || {
            let readiness = lock(&readiness);
            let ready = readiness.is_ready() && !stop.is_cancelled();
            std::future::ready(report(ready, readiness.checks()))
        }
    };
    let whole = move || {
        let checks = lock(&readiness).checks();
        let ready = checks.values().all(|good| *good) && !stop.is_cancelled();
        std::future::ready(report(ready, checks))
    };
    Router::new()
        .route("/livez", get(alive))
        .route("/healthz", get(alive))
        .route("/readyz", get(of_use))
        .route("/statusz", get(whole))
}

async fn alive() -> &'static str {
    "ok\n"
}

fn report(ready: bool, checks: BTreeMap<&'static str, bool>) -> Response {
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(Report { ready, checks })).into_response()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::{Router, body::Body, extract::Request, http::StatusCode};
    use http_body_util::BodyExt;
    use tokio::sync::watch;
    use tokio_util::sync::CancellationToken;
    use tower::ServiceExt;

    use super::{Readiness, Requirement, routes};

    async fn ask(routes: &Router, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let answer = routes.clone().oneshot(request).await.unwrap();
        let status = answer.status();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn who_needs_either_is_of_use_with_one_and_whole_with_both() {
        let (broker, database) = (watch::Sender::new(false), watch::Sender::new(false));
        let (mut readiness, stop) = (Readiness::default(), CancellationToken::new());
        readiness.require(Requirement::Either(
            ("broker", broker.subscribe()),
            ("database", database.subscribe()),
        ));
        let routes = routes(Arc::new(Mutex::new(readiness)), stop.clone());
        for (has_broker, has_database) in
            [(false, false), (true, false), (false, true), (true, true)]
        {
            broker.send_replace(has_broker);
            database.send_replace(has_database);
            for (path, ready) in [
                ("/readyz", has_broker || has_database),
                ("/statusz", has_broker && has_database),
            ] {
                let checks = format!("{{\"broker\":{has_broker},\"database\":{has_database}}}");
                let document = format!("{{\"ready\":{ready},\"checks\":{checks}}}\n");
                let status = if ready { 200 } else { 503 };
                let (answered, body) = ask(&routes, path).await;
                assert_eq!((answered.as_u16(), body), (status, document), "{path}");
            }
        }
        stop.cancel();
        for path in ["/readyz", "/statusz"] {
            assert_eq!(
                ask(&routes, path).await.0,
                StatusCode::SERVICE_UNAVAILABLE,
                "{path}"
            );
        }
        for path in ["/livez", "/healthz"] {
            assert_eq!(
                ask(&routes, path).await,
                (StatusCode::OK, "ok\n".to_owned())
            );
        }
    }

    #[tokio::test]
    async fn who_needs_several_things_is_of_no_use_without_any_one() {
        let states = ["broker", "database", "group"].map(|what| (what, watch::Sender::new(true)));
        let mut readiness = Readiness::default();
        for (what, state) in &states {
            readiness.require(Requirement::Of((what, state.subscribe())));
        }
        let routes = routes(Arc::new(Mutex::new(readiness)), CancellationToken::new());
        assert_eq!(ask(&routes, "/readyz").await.0, StatusCode::OK);
        for (what, state) in &states {
            state.send_replace(false);
            for path in ["/readyz", "/statusz"] {
                let (answered, body) = ask(&routes, path).await;
                assert_eq!(answered, StatusCode::SERVICE_UNAVAILABLE);
                assert!(body.contains(&format!("\"{what}\":false")), "{body}");
            }
            state.send_replace(true);
        }
    }
}
