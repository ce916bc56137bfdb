//! Traces: the tracer of this process, and the exporter of its spans.
//!
//! Without a collector there is no tracer, so that no span is ever built. With one, spans that have
//! ended wait in a queue for a thread that sends them. A full queue drops them: a slow or unavailable
//! collector never delays the work.

use std::{sync::OnceLock, time::Duration};

use opentelemetry::{KeyValue, global, trace::TracerProvider};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{SdkTracer, SdkTracerProvider},
};
use tracing::{info, warn};

use super::collector::CollectorClient;
use crate::settings::Common;

/// Time within which the last spans must have been sent when the process ends.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// Greatest number of links of a span: a batch of events has a link to the span of each.
const MAX_LINKS: u32 = 1024;

/// The process's tracer. A second service in the process, as in a test, makes no other.
static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// The exporter of this process's spans, until it is finished.
pub(crate) struct Traces(SdkTracerProvider);

/// Starts to trace, if a collector is set. Fails if its address cannot be used.
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
        .with_http_client(CollectorClient::new())
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
        .with_max_links_per_span(MAX_LINKS)
        .with_resource(resource)
        .build();
    let _ = TRACER.set(provider.tracer("service"));
    // Other crates get the tracer from there.
    global::set_tracer_provider(provider.clone());
    info!("sending traces to {address}");
    Ok(Some(Traces(provider)))
}

/// Returns this process's tracer, if it traces.
pub(crate) fn tracer() -> Option<&'static SdkTracer> {
    TRACER.get()
}

impl Traces {
    /// Sends the spans that are left. Blocks, for 2 seconds at most.
    pub(crate) fn finish(self) {
        if let Err(error) = self.0.shutdown_with_timeout(FLUSH_TIMEOUT) {
            warn!("the last spans are lost: {error}");
        }
    }
}
