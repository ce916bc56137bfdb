//! Sending spans to the collector.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use axum::body::Bytes;
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use tracing::{info, warn};
use ureq::Agent;

/// Timeout of one request to the collector.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);

/// Smallest interval between two warnings that spans are lost.
const WARN_INTERVAL: Duration = Duration::from_mins(1);

/// The HTTP client for the collector. It blocks the calling thread, which is the exporter's own.
#[derive(Debug)]
pub(super) struct CollectorClient {
    agent: Agent,
    complained: Mutex<Option<Instant>>,
}

impl CollectorClient {
    pub(super) fn new() -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(SEND_TIMEOUT))
            .http_status_as_error(false)
            .max_redirects(0)
            // The collector is near; a proxy to the rest of the world is not used.
            .proxy(None)
            .build();
        Self {
            agent: config.new_agent(),
            complained: Mutex::new(None),
        }
    }

    fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, ureq::Error> {
        let (head, body) = request.into_parts();
        let request = Request::from_parts(head, &body[..]);
        let (head, mut body) = self.agent.run(request)?.into_parts();
        Ok(Response::from_parts(head, body.read_to_vec()?.into()))
    }

    /// Logs that spans are lost, and later that the collector takes them again.
    fn report(&self, trouble: Option<&str>) {
        let mut complained = self
            .complained
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match trouble {
            Some(trouble) if complained.is_none_or(|at| at.elapsed() > WARN_INTERVAL) => {
                *complained = Some(Instant::now());
                warn!("the collector does not take spans, which are lost: {trouble}");
            }
            Some(_) => {}
            None => {
                if complained.take().is_some() {
                    info!("the collector takes spans again");
                }
            }
        }
    }
}

#[async_trait]
impl HttpClient for CollectorClient {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let answer = self.send(request);
        match &answer {
            Ok(answer) if answer.status().is_success() => self.report(None),
            Ok(answer) => self.report(Some(answer.status().as_str())),
            Err(error) => self.report(Some(&error.to_string())),
        }
        Ok(answer?)
    }
}
