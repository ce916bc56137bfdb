//! Traces: which spans this process has to tell of, and to whom.
//!
//! Without a collector there is no tracer, so that no span is ever built. With one, spans that have
//! ended wait in a queue for a thread that sends them. A full queue drops them: whatever becomes of
//! the collector, the work goes on.

use std::{sync::OnceLock, time::Duration};

use opentelemetry::{KeyValue, global, trace::TracerProvider};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{SdkTracer, SdkTracerProvider},
};
use tracing::{info, warn};

use super::collector::Way;
use crate::settings::Common;

/// How long the last spans may take to reach the collector when the process ends.
const FLUSH_LIMIT: Duration = Duration::from_secs(2);

/// To how many others a span may point: a batch of events points at where each comes from.
const MOST_LINKS: u32 = 1024;

/// The process's tracer. A second one, as in a test that runs two services in a process, is not made.
static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// The traces of this process, until they are finished.
pub(crate) struct Traces(SdkTracerProvider);

/// Starts to trace, if there is a collector. Fails if it cannot be one.
pub(crate) fn init_traces(
    service: &str,
    member: &str,
    common: &Common,
) -> Result<Option<Traces>, String> {
    let Some(address) = common.otel_exporter_otlp_endpoint.traces() else {
        return Ok(None);
    };
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Way::new())
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(&address)
        .build()
        .map_err(|error| error.to_string())?;
    let name = common.otel_service_name.as_deref().unwrap_or(service);
    let resource = Resource::builder()
        .with_service_name(name.to_owned())
        .with_attribute(KeyValue::new("service.instance.id", member.to_owned()))
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_max_links_per_span(MOST_LINKS)
        .with_resource(resource)
        .build();
    let _ = TRACER.set(provider.tracer("service"));
    // Where other crates find it.
    global::set_tracer_provider(provider.clone());
    info!("sending traces to {address}");
    Ok(Some(Traces(provider)))
}

/// What makes this process's spans, if it has any to make.
pub(crate) fn tracer() -> Option<&'static SdkTracer> {
    TRACER.get()
}

impl Traces {
    /// Sends what is left. Blocks, for 2 seconds at most.
    pub(crate) fn finish(self) {
        if let Err(error) = self.0.shutdown_with_timeout(FLUSH_LIMIT) {
            warn!("the last spans are lost: {error}");
        }
    }
}
