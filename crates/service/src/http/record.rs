//! Counting and timing what is answered.

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

/// What was answered at one route. Clones share it.
///
/// Finding a metric by its labels takes longer than all else that counting does, so it is found once for
/// each method and status that there were.
#[derive(Clone, Default)]
pub(super) struct Record(Arc<Mutex<Vec<Answers>>>);

/// The answers with one status to requests of one method.
struct Answers {
    method: &'static str,
    route: Option<MatchedPath>,
    status: StatusCode,
    count: Counter,
    durations: Histogram,
}

impl Record {
    /// Notes an answer that took so long.
    pub(super) fn note(
        &self,
        method: &'static str,
        route: Option<&MatchedPath>,
        status: StatusCode,
        took: Duration,
    ) {
        let same = |answers: &&Answers| {
            answers.status == status
                && answers.method == method
                && label(answers.route.as_ref()) == label(route)
        };
        let mut known = lock(&self.0);
        let answers = match known.iter().find(same) {
            Some(answers) => answers,
            None => known.push_mut(Answers::new(method, route, status)),
        };
        answers.count.increment(1);
        answers.durations.record(took);
    }
}

impl Answers {
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

/// A path is a caller's text; where no route matched, it is none of ours.
fn label(route: Option<&MatchedPath>) -> &str {
    route.map_or("none", MatchedPath::as_str)
}

/// A method is a caller's text, and a metric's label must come from a small set.
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
