//! Spans of publishing, receiving, processing and settling events, by OpenTelemetry's conventions for
//! messaging.
//!
//! An event carries its trace context. The span of publishing it is a child of that, and becomes its
//! context instead, so that the spans of one request hang together across the broker: published,
//! processed by each group, and published again as what follows. Receiving and settling are done for many
//! events at a time. If there is only one, these spans are part of its trace; otherwise they link to the
//! trace of each.
//!
//! Whether this process traces is known when the connection is made. If not, no span is ever built, and
//! an event's trace context is passed on as it is.

mod draft;

use async_nats::ServerAddr;
use events::{Envelope, Received};
pub(crate) use opentelemetry::global::BoxedSpan;
use opentelemetry::{
    KeyValue,
    global::{self, BoxedTracer},
    trace::{Span, SpanKind, Status},
};

use crate::{
    Delivery, Group, HandlerError, PublishError,
    delivery::{RawMessage, chain},
};
use draft::{Draft, is_real, place_of};

const GROUP: &str = "messaging.consumer.group.name";
const MESSAGE_ID: &str = "messaging.message.id";
const BATCH: &str = "messaging.batch.message_count";

// The conventions have no names for these.
const SEQUENCE: &str = "messaging.nats.stream.sequence";
const ATTEMPT: &str = "messaging.nats.delivery_count";

/// The maker of the spans of one connection.
pub(crate) struct Spans {
    tracer: BoxedTracer,
    host: String,
    port: i64,
}

/// An operation on events, by the broker's name for it and by OpenTelemetry's.
struct Operation {
    name: &'static str,
    kind: &'static str,
    span: SpanKind,
}

const PUBLISH: Operation = Operation {
    name: "publish",
    kind: "send",
    span: SpanKind::Producer,
};

const RECEIVE: Operation = Operation {
    name: "receive",
    kind: "receive",
    span: SpanKind::Client,
};

const PROCESS: Operation = Operation {
    name: "process",
    kind: "process",
    span: SpanKind::Consumer,
};

impl Spans {
    /// Returns the maker of the spans of a connection to `server`. `None` if this process does not trace.
    pub(crate) fn of(server: &ServerAddr) -> Option<Self> {
        let tracer = global::tracer("bus");
        is_real(&tracer).then(|| Self {
            tracer,
            host: server.host().to_owned(),
            port: i64::from(server.port()),
        })
    }

    /// Begins the span of publishing an event, and returns the event with it as trace context.
    pub(crate) fn publish(&self, envelope: &Envelope) -> (BoxedSpan, Envelope) {
        let span = self
            .draft(&PUBLISH, envelope.subject)
            .with(MESSAGE_ID, envelope.id.to_string())
            .below(envelope.trace())
            .begin(&self.tracer);
        let envelope = envelope.clone().traced(place_of(&span).as_ref());
        (span, envelope)
    }

    /// Makes the span of receiving events, from the arrival of the first of them until now. Those that an
    /// outage held up have had theirs already.
    pub(crate) fn receive<E>(&self, group: &Group, batch: &mut [Delivery<E>]) {
        let arrivals = batch.iter_mut();
        let arrivals = arrivals.filter_map(|event| event.message.arrived.take());
        if let Some(first) = arrivals.min() {
            let parcels: Vec<_> = batch.iter().map(|event| &event.message).collect();
            let draft = self.of_all(&RECEIVE, group, &parcels).since(first);
            draft.begin(&self.tracer);
        }
    }

    /// Begins the span of processing each event, as a child of the one that published it. Events that the
    /// handler publishes follow from that.
    pub(crate) fn process<E>(&self, group: &Group, batch: &mut [Delivery<E>]) -> Vec<BoxedSpan> {
        let begin = |event: &mut Delivery<E>| {
            let attempt = i64::try_from(event.attempt()).unwrap_or(i64::MAX);
            let draft = self
                .of_one(&PROCESS, &event.message)
                .with(GROUP, group.name.to_string())
                .with(MESSAGE_ID, event.meta.id.to_string())
                .with(ATTEMPT, attempt);
            let span = draft.begin(&self.tracer);
            event.received.meta.trace = place_of(&span);
            span
        };
        batch.iter_mut().map(begin).collect()
    }

    /// Begins the span of processing an event by a reader that is in no group.
    pub(crate) fn hand_out<E>(&self, parcel: &RawMessage, received: &mut Received<E>) -> BoxedSpan {
        let span = self
            .of_one(&PROCESS, parcel)
            .with(MESSAGE_ID, received.meta.id.to_string())
            .begin(&self.tracer);
        received.meta.trace = place_of(&span);
        span
    }

    /// Begins the span of settling events: `answer` is the kind of acknowledgement.
    pub(crate) fn settle(
        &self,
        answer: &'static str,
        group: &Group,
        parcels: &[&RawMessage],
    ) -> BoxedSpan {
        let operation = Operation {
            name: answer,
            kind: "settle",
            span: SpanKind::Client,
        };
        let draft = self.of_all(&operation, group, parcels);
        draft.begin(&self.tracer)
    }

    /// Drafts a span of one event. A replay, which may come long after, begins a new trace and links to
    /// the old one.
    fn of_one(&self, operation: &Operation, parcel: &RawMessage) -> Draft {
        let sequence = i64::try_from(parcel.origin.sequence).unwrap_or(i64::MAX);
        let draft = self.draft(operation, &parcel.message.subject);
        let draft = draft.with(SEQUENCE, sequence);
        if parcel.is_replay() {
            draft.pointing_at(parcel.trace())
        } else {
            draft.below(parcel.trace())
        }
    }

    fn of_all(&self, operation: &Operation, group: &Group, parcels: &[&RawMessage]) -> Draft {
        let draft = match parcels {
            [one] => self.of_one(operation, one),
            several => {
                let count = i64::try_from(several.len()).unwrap_or(i64::MAX);
                self.draft(operation, common(several).unwrap_or(&group.filter))
                    .with(BATCH, count)
                    .pointing_at(several.iter().filter_map(|parcel| parcel.trace()))
            }
        };
        draft.with(GROUP, group.name.to_string())
    }

    fn draft(&self, operation: &Operation, subject: &str) -> Draft {
        let name = format!("{} {subject}", operation.name);
        Draft::new(name, operation.span.clone())
            .with("messaging.system", "nats")
            .with("messaging.operation.name", operation.name)
            .with("messaging.operation.type", operation.kind)
            .with("messaging.destination.name", subject.to_owned())
            .with("server.address", self.host.clone())
            .with("server.port", self.port)
    }
}

/// Returns the subject that all have, if they have one in common.
fn common<'p>(parcels: &[&'p RawMessage]) -> Option<&'p str> {
    let mut subjects = parcels.iter().map(|parcel| &*parcel.message.subject);
    let first = subjects.next()?;
    subjects.all(|subject| subject == first).then_some(first)
}

/// Ends spans, with the error if there was one. To drop a span is to end it.
pub(crate) fn end<T, E: Kind>(spans: impl IntoIterator<Item = BoxedSpan>, done: &Result<T, E>) {
    for mut span in spans {
        if let Err(error) = done {
            span.set_attribute(KeyValue::new("error.type", error.kind()));
            span.set_status(Status::error(chain(error)));
        }
    }
}

/// An error of a kind, which is a word from a small set.
pub(crate) trait Kind: std::error::Error {
    fn kind(&self) -> &'static str;
}

impl Kind for PublishError {
    fn kind(&self) -> &'static str {
        match self {
            Self::Disconnected => "away",
            Self::Full => "full",
            Self::Unconfirmed => "unconfirmed",
            Self::NoStream { .. } => "no_stream",
            Self::Refused { .. } => "refused",
            Self::RevisionConflict => "overtaken",
            Self::Send(_) => "send",
        }
    }
}

impl Kind for HandlerError {
    fn kind(&self) -> &'static str {
        match self {
            Self::Reject(_) => "never",
            Self::Retry(_) => "later",
            Self::Unavailable(_) => "away",
        }
    }
}
