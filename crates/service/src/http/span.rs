//! The span of a request, by OpenTelemetry's semantic conventions for HTTP.

use axum::{
    extract::{MatchedPath, Request},
    http::StatusCode,
};
use opentelemetry::{
    Context, KeyValue,
    propagation::TextMapPropagator,
    trace::{Span, SpanBuilder, SpanKind, Status, TraceContextExt},
};
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_sdk::{propagation::TraceContextPropagator, trace::Span as SdkSpan};

use crate::telemetry;

/// The span of a request that is being handled. It ends when it is dropped.
pub(crate) struct RequestSpan(SdkSpan);

impl RequestSpan {
    /// Begins the span of a request, if this process traces: as a child of the client's, if it sent a trace
    /// context. The request's headers then have this span's trace context, so that the events that the
    /// request causes belong to it. Without tracing they stay as the client sent them.
    ///
    /// `method` is `other` for an unknown method. Requests for health and metrics come all the time, and are
    /// not traced.
    pub(crate) fn begin(
        request: &mut Request,
        method: &'static str,
        route: Option<&MatchedPath>,
    ) -> Option<Box<Self>> {
        let tracer = telemetry::tracer()?;
        let route = route.map(MatchedPath::as_str);
        let wellness = ["/livez", "/healthz", "/readyz", "/statusz", "/metrics"];
        if route.is_some_and(|route| wellness.contains(&route)) {
            return None;
        }
        let propagator = TraceContextPropagator::new();
        let headers = HeaderExtractor(request.headers());
        let caller = propagator.extract_with_context(&Context::new(), &headers);
        // A client's method or path would make an unlimited number of names.
        let (verb, method) = match method {
            "other" => ("HTTP", "_OTHER"),
            known => (known, known),
        };
        let name = route.map_or_else(|| verb.to_owned(), |route| format!("{verb} {route}"));
        let mut attributes = vec![
            KeyValue::new("http.request.method", method),
            KeyValue::new("url.path", request.uri().path().to_owned()),
            KeyValue::new("url.scheme", "http"),
        ];
        attributes.extend(route.map(|route| KeyValue::new("http.route", route.to_owned())));
        let span = SpanBuilder::from_name(name)
            .with_kind(SpanKind::Server)
            .with_attributes(attributes)
            .start_with_context(tracer, &caller);
        let place = Context::new().with_remote_span_context(span.span_context().clone());
        propagator.inject_context(&place, &mut HeaderInjector(request.headers_mut()));
        Some(Box::new(Self(span)))
    }

    /// Ends it with the response's status.
    pub(crate) fn end(mut self, status: StatusCode) {
        let code = i64::from(status.as_u16());
        self.0
            .set_attribute(KeyValue::new("http.response.status_code", code));
        if status.is_server_error() {
            self.0
                .set_attribute(KeyValue::new("error.type", code.to_string()));
            self.0.set_status(Status::error(""));
        }
    }
}
