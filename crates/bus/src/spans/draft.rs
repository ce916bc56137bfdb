//! Building spans, and reading and writing trace contexts.

use std::{str::FromStr, time::SystemTime};

use events::TraceContext;
use opentelemetry::{
    Context, KeyValue, Value,
    global::{BoxedSpan, BoxedTracer},
    trace::{
        Link, Span, SpanBuilder, SpanContext, SpanId, SpanKind, TraceContextExt, TraceFlags,
        TraceId, TraceState, Tracer,
    },
};

/// A span that is about to begin.
pub(super) struct Draft {
    builder: SpanBuilder,
    attributes: Vec<KeyValue>,
    parent: Context,
}

impl Draft {
    pub(super) fn new(name: String, kind: SpanKind) -> Self {
        Self {
            builder: SpanBuilder::from_name(name).with_kind(kind),
            attributes: Vec::new(),
            parent: Context::new(),
        }
    }

    pub(super) fn with(mut self, attribute: &'static str, value: impl Into<Value>) -> Self {
        self.attributes.push(KeyValue::new(attribute, value));
        self
    }

    /// Makes it a child of the span in the trace context. Otherwise it begins a trace.
    pub(super) fn below(mut self, place: Option<TraceContext>) -> Self {
        if let Some(place) = place {
            self.parent = Context::new().with_remote_span_context(read(&place));
        }
        self
    }

    /// Links it to spans of other traces.
    pub(super) fn pointing_at(mut self, places: impl IntoIterator<Item = TraceContext>) -> Self {
        let links = places.into_iter().map(|place| read(&place));
        self.builder = self
            .builder
            .with_links(links.map(Link::with_context).collect());
        self
    }

    pub(super) fn since(mut self, start: SystemTime) -> Self {
        self.builder = self.builder.with_start_time(start);
        self
    }

    pub(super) fn begin(self, tracer: &BoxedTracer) -> BoxedSpan {
        let builder = self.builder.with_attributes(self.attributes);
        tracer.build_with_context(builder, &self.parent)
    }
}

/// Returns the trace context of a span.
pub(super) fn place_of(span: &BoxedSpan) -> Option<TraceContext> {
    let place = span.span_context();
    let (trace, id) = (place.trace_id(), place.span_id());
    let flags = u8::from(place.is_sampled());
    let state = place.trace_state().header();
    TraceContext::parse(&format!("00-{trace}-{id}-{flags:02x}"), Some(&state))
}

fn read(place: &TraceContext) -> SpanContext {
    SpanContext::new(
        TraceId::from_hex(place.trace_id()).unwrap_or(TraceId::INVALID),
        SpanId::from_hex(place.span_id()).unwrap_or(SpanId::INVALID),
        TraceFlags::default().with_sampled(place.is_sampled()),
        true,
        place
            .state()
            .and_then(|state| TraceState::from_str(state).ok())
            .unwrap_or_default(),
    )
}

/// Returns whether spans of this tracer are exported. OpenTelemetry's no-op tracer gives each span its
/// parent's context; a real one, with telemetry suppressed, gives none, and exports nothing.
pub(super) fn is_real(tracer: &BoxedTracer) -> bool {
    let parent = SpanContext::new(
        TraceId::from(1),
        SpanId::from(1),
        TraceFlags::default(),
        true,
        TraceState::default(),
    );
    let quiet = Context::new()
        .with_remote_span_context(parent)
        .with_telemetry_suppressed();
    let span = tracer.start_with_context("probe", &quiet);
    !span.span_context().is_valid()
}

#[cfg(test)]
mod tests {
    use opentelemetry::{
        global::BoxedTracer,
        trace::{TracerProvider, noop::NoopTracer},
    };
    use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};

    use super::is_real;

    #[test]
    fn what_stands_in_for_a_tracer_is_known_from_one_that_tells_whatever_it_samples() {
        assert!(!is_real(&BoxedTracer::new(Box::new(NoopTracer::new()))));
        for sampler in [Sampler::AlwaysOn, Sampler::AlwaysOff] {
            let provider = SdkTracerProvider::builder().with_sampler(sampler).build();
            assert!(is_real(&BoxedTracer::new(Box::new(provider.tracer("bus")))));
        }
    }
}
