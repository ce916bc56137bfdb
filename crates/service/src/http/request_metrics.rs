//! Metrics of responses.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    extract::MatchedPath,
    http::{Method, StatusCode},
};
use metrics::{Counter, Histogram};

use crate::health::lock;

/// The metrics of one route's responses. Clones share them.
///
/// Finding a metric by its labels takes longer than all other parts of counting, so it is found once for
/// each method and status that occurs.
#[derive(Clone, Default)]
pub(super) struct RequestMetrics(Arc<Mutex<Vec<RouteCounter>>>);

/// The metrics of the responses with one status to requests of one method.
struct RouteCounter {
    method: &'static str,
    route: Option<MatchedPath>,
    status: StatusCode,
    count: Counter,
    durations: Histogram,
}

impl RequestMetrics {
    /// Records a response that took the time `took`.
    pub(super) fn note(
        &self,
        method: &'static str,
        route: Option<&MatchedPath>,
        status: StatusCode,
        took: Duration,
    ) {
        let same = |answers: &&RouteCounter| {
            answers.status == status
                && answers.method == method
                && label(answers.route.as_ref()) == label(route)
        };
        let mut known = lock(&self.0);
        let answers = match known.iter().find(same) {
            Some(answers) => answers,
            None => known.push_mut(RouteCounter::new(method, route, status)),
        };
        answers.count.increment(1);
        answers.durations.record(took);
    }
}

impl RouteCounter {
    fn new(method: &'static str, route: Option<&MatchedPath>, status: StatusCode) -> Self {
        let (path, code) = (label(route).to_owned(), status.as_u16().to_string());
        Self {
            method,
            route: route.cloned(),
            status,
            count: metrics::counter!("http_requests_total", "method" => method, "route" => path.clone(), "status" => code),
            durations: metrics::histogram!("http_request_duration_seconds", "method" => method, "route" => path),
        }
    }
}

/// Returns the label of a route. Without one it is `none`: the path is the client's text then.
fn label(route: Option<&MatchedPath>) -> &str {
    route.map_or("none", MatchedPath::as_str)
}

/// Returns the label of a method: it is the client's text, and a metric's label must come from a small set.
pub(super) fn label_of(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}
