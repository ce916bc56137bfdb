//! A collector of traces, as far as a test needs one: it accepts OTLP over HTTP and keeps the spans.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    fmt::Write,
    sync::{Arc, Mutex},
};

use http_body_util::{BodyExt, Empty};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
    trace::v1::{Span, span::SpanKind},
};
use prost::Message;
use tokio::net::TcpListener;

/// Accepts spans until it is dropped.
pub(crate) struct Collector {
    url: String,
    told: Arc<Mutex<Vec<Told>>>,
    listening: tokio::task::JoinHandle<()>,
}

/// A span, with the member that exported it.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) service: String,
    pub(crate) member: String,
    pub(crate) trace: String,
    pub(crate) id: String,
    /// Empty for the first span of a trace.
    pub(crate) parent: String,
    pub(crate) name: String,
    pub(crate) kind: SpanKind,
    pub(crate) attributes: BTreeMap<String, String>,
    /// The ids of the spans that it links to.
    pub(crate) links: Vec<String>,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let told = Arc::<Mutex<Vec<Told>>>::default();
        Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            told: Arc::clone(&told),
            listening: tokio::spawn(listen(listener, told)),
        }
    }

    /// Returns the endpoint for the services.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Returns all spans received so far.
    pub(crate) fn told(&self) -> Vec<Told> {
        self.told.lock().unwrap().clone()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn listen(listener: TcpListener, told: Arc<Mutex<Vec<Told>>>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let told = Arc::clone(&told);
        let take = service_fn(move |request| take(request, Arc::clone(&told)));
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), take));
    }
}

/// Accepts a request of spans if path and content type are right.
async fn take(
    request: Request<Incoming>,
    told: Arc<Mutex<Vec<Told>>>,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    let kind = request.headers().get(header::CONTENT_TYPE);
    let right = request.uri().path() == "/v1/traces"
        && kind.is_some_and(|kind| kind == "application/x-protobuf");
    let body = request
        .into_body()
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes);
    let sent = body.ok().map(ExportTraceServiceRequest::decode);
    let mut response = Response::new(Empty::new());
    match sent {
        Some(Ok(sent)) if right => told.lock().unwrap().extend(spans(sent)),
        _ => *response.status_mut() = StatusCode::BAD_REQUEST,
    }
    Ok(response)
}

fn spans(sent: ExportTraceServiceRequest) -> Vec<Told> {
    let mut told = Vec::new();
    for resource in sent.resource_spans {
        let of = attributes(resource.resource.unwrap_or_default().attributes);
        let who = |key: &str| of.get(key).cloned().unwrap_or_default();
        let spans = resource.scope_spans.into_iter().flat_map(|of| of.spans);
        told.extend(spans.map(|span| read(span, who("service.name"), who("service.instance.id"))));
    }
    told
}

fn read(span: Span, service: String, member: String) -> Told {
    Told {
        service,
        member,
        kind: span.kind(),
        trace: hex(&span.trace_id),
        id: hex(&span.span_id),
        parent: hex(&span.parent_span_id),
        name: span.name,
        attributes: attributes(span.attributes),
        links: span.links.iter().map(|link| hex(&link.span_id)).collect(),
    }
}

fn attributes(of: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |value| match value {
        Value::StringValue(text) => text,
        Value::IntValue(number) => number.to_string(),
        other => format!("{other:?}"),
    };
    of.into_iter()
        .filter_map(|attribute| Some((attribute.key, text(attribute.value?.value?))))
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
