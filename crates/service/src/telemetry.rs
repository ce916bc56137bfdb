//! Logs, metrics and traces.

mod collector;
mod lines;
mod traces;

use std::{
    io::{self, IsTerminal},
    sync::OnceLock,
    time::Duration,
};

use axum::{Router, http::header, response::IntoResponse, routing::get};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use metrics_util::MetricKindMask;
use tracing_subscriber::EnvFilter;

use crate::settings::{Common, LogFormat};

pub use lines::log_together;
pub(crate) use traces::{init_traces, tracer};

use lines::Lines;

/// Upper bounds, in seconds, of what durations are counted in.
const DURATIONS: [f64; 12] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
];

/// How often what was recorded is folded into what is shown, so that it never piles up.
const UPKEEP: Duration = Duration::from_secs(5);

/// Starts the logs of this process. Fails if the filter makes no sense.
pub(crate) fn init_logs(service: &str, member: &str, common: &Common) -> Result<(), String> {
    let filter = EnvFilter::try_new(&common.log_filter)
        .map_err(|error| format!("expected a filter such as info,bus=debug ({error})"))?;
    let logs = tracing_subscriber::fmt().with_env_filter(filter);
    match common.log_format {
        LogFormat::Text => {
            logs.with_ansi(io::stdout().is_terminal())
                .with_target(false)
                .with_writer(Lines { opening: None })
                .init();
        }
        LogFormat::Json => {
            let identity = serde_json::json!({ "service": service, "member": member }).to_string();
            let opening = identity.trim_end_matches('}').to_owned() + ",";
            logs.json()
                .flatten_event(true)
                .with_writer(Lines {
                    opening: Some(opening),
                })
                .init();
        }
    }
    log_panics();
    Ok(())
}

/// Starts the logs of a tool: warnings, for a person, on the standard error.
pub(crate) fn init_warnings() {
    tracing_subscriber::fmt()
        // A tool says itself that the broker is away.
        .with_env_filter(EnvFilter::new("warn,async_nats=off,bus::dial=off"))
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .without_time()
        .init();
}

/// A panic is written like everything else, so that it is seen where logs are collected.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        let reason = panic.payload_as_str().unwrap_or("no reason given");
        tracing::error!(panic.place = place, "panicked at {place}: {reason}");
    }));
}

/// After how long a gauge is shown no more that nobody sets; not set, a gauge stays for ever.
static GAUGES_EXPIRE: OnceLock<Duration> = OnceLock::new();

/// Has gauges that nobody sets vanish after this time. To be called before any is set.
pub(crate) fn expire_gauges(after: Duration) {
    let _ = GAUGES_EXPIRE.set(after);
}

/// The process's recorder of metrics, installed on first use. A second one, as in a test that
/// runs two services in a process, shares it.
fn recorder() -> Option<&'static PrometheusHandle> {
    static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    RECORDER
        .get_or_init(|| {
            PrometheusBuilder::new()
                .set_buckets(&DURATIONS)
                .ok()?
                .idle_timeout(MetricKindMask::GAUGE, GAUGES_EXPIRE.get().copied())
                .install_recorder()
                .ok()
        })
        .as_ref()
}

pub(crate) fn routes() -> Router {
    if recorder().is_some() {
        tokio::spawn(async {
            let mut ticks = tokio::time::interval(UPKEEP);
            loop {
                ticks.tick().await;
                recorder().map(PrometheusHandle::run_upkeep);
            }
        });
    }
    Router::new().route("/metrics", get(async || metrics().into_response()))
}

fn metrics() -> impl IntoResponse {
    let text = recorder().map(PrometheusHandle::render).unwrap_or_default();
    (
        [(
            header::CONTENT_TYPE,
            "text/plain; version=0.0.4; charset=utf-8",
        )],
        text,
    )
}
