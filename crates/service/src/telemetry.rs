//! Logs, metrics and traces.

mod collector;
mod lines;
mod text;
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
use text::Text;

/// Upper bounds of the buckets of durations, in seconds.
const DURATIONS: [f64; 12] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
];

/// Interval at which recorded samples are aggregated, so that they never pile up.
const UPKEEP: Duration = Duration::from_secs(5);

/// Starts the logs of this process. Fails if the filter is invalid.
pub(crate) fn init_logs(service: &str, member: &str, common: &Common) -> Result<(), String> {
    let filter = EnvFilter::try_new(&common.log_filter)
        .map_err(|error| format!("expected a filter such as info,bus=debug ({error})"))?;
    let logs = tracing_subscriber::fmt().with_env_filter(filter);
    match common.log_format {
        format @ (LogFormat::Text | LogFormat::Terminal) => {
            let on_terminal = format == LogFormat::Terminal || io::stdout().is_terminal();
            logs.event_format(Text {
                on_terminal,
                coloured: on_terminal && common.no_color.is_empty(),
            })
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

/// Starts the logs of a tool: warnings, in text, on the standard error.
pub(crate) fn init_warnings() {
    tracing_subscriber::fmt()
        // A tool says itself that the broker is unavailable.
        .with_env_filter(EnvFilter::new("warn,async_nats=off,bus::dial=off"))
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .without_time()
        .init();
}

/// Writes panics to the log, so that they are seen where logs are collected.
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

/// Time after which a gauge that is not set any more is removed; without it, gauges stay for ever.
static GAUGES_EXPIRE: OnceLock<Duration> = OnceLock::new();

/// Removes gauges that are not set for this time. To be called before any is set.
pub(crate) fn expire_gauges(after: Duration) {
    let _ = GAUGES_EXPIRE.set(after);
}

/// Returns the process's recorder of metrics, installed on first use. A second service in the process, as in
/// a test, shares it.
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
