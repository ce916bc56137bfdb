//! Spans of events, in a process that traces.

use std::{collections::BTreeSet, sync::OnceLock, time::Duration};

use bus::{Batches, Delivery, FeedItem, Start};
use events::{Envelope, Event, ItemSaved, TodoEvent, TraceContext};
use futures_util::TryStreamExt;
use opentelemetry::{
    Value, global,
    trace::{SpanId, SpanKind, Status, TraceId},
};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use testkit::eventually;
use tokio_util::sync::CancellationToken;

use crate::world::{SOON, World, during, never, new_item, saved};

const NEW: &str = "events.todo.newitem";

/// Starts to trace, and returns the spans.
fn told() -> &'static InMemorySpanExporter {
    static TOLD: OnceLock<InMemorySpanExporter> = OnceLock::new();
    TOLD.get_or_init(|| {
        let told = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(told.clone());
        global::set_tracer_provider(provider.build());
        told
    })
}

/// Returns a trace context that nobody else has.
fn place() -> TraceContext {
    let trace = uuid::Uuid::now_v7().simple();
    let parent = format!("00-{trace}-00f067aa0ba902b7-01");
    TraceContext::parse(&parent, Some("vendor=1")).unwrap()
}

fn trace_of(place: &TraceContext) -> TraceId {
    TraceId::from_hex(place.trace_id()).unwrap()
}

/// Waits for a span of the trace.
async fn span(place: &TraceContext, name: &str) -> SpanData {
    let trace = trace_of(place);
    eventually(&format!("{name} is told of"), SOON, async || {
        let spans = told().get_finished_spans().unwrap();
        let mut spans = spans
            .into_iter()
            .filter(|span| span.span_context.trace_id() == trace);
        let others: Vec<_> = spans.clone().map(|span| span.name).collect();
        spans.find(|span| span.name == name).ok_or(others)
    })
    .await
}

fn attribute(span: &SpanData, key: &str) -> Option<String> {
    let found = span
        .attributes
        .iter()
        .find(|attribute| attribute.key.as_str() == key);
    found.map(|attribute| match &attribute.value {
        Value::String(text) => text.to_string(),
        other => other.to_string(),
    })
}

fn id(span: &SpanData) -> SpanId {
    span.span_context.span_id()
}

/// Publishes an event with a trace context of its own.
async fn add(world: &World, item: &str) -> (Envelope, TraceContext) {
    let place = place();
    let event = new_item(item).traced(Some(&place));
    world.bus.publish(&event).await.unwrap();
    (event, place)
}

#[tokio::test]
async fn what_follows_from_an_event_is_below_it_in_its_trace() {
    told();
    let world = World::new().await;
    let stop = CancellationToken::new();
    let group = world.bus.group("saver", NEW);
    let member = group.each(stop.clone(), async |event: &Delivery<TodoEvent>| {
        let follows = saved(event).unwrap().caused_by(&event.meta);
        world.bus.publish_all(&[follows]).await.unwrap();
        Ok(())
    });
    let mut feed = world.bus.feed(ItemSaved::SUBJECT, Start::Now);
    assert!(matches!(
        feed.next::<TodoEvent>().await,
        FeedItem::Begins { .. }
    ));
    let (event, place) = during(&stop, [member], async {
        let added = add(&world, "buy milk").await;
        while !matches!(feed.next::<TodoEvent>().await, FeedItem::Event(_)) {}
        drop(feed);
        world.settled("saver").await;
        span(&added.1, "ack events.todo.newitem").await;
        added
    })
    .await;

    let published = span(&place, "publish events.todo.newitem").await;
    assert_eq!(published.parent_span_id.to_string(), place.span_id());
    assert!(published.parent_span_is_remote);
    assert_eq!(published.span_kind, SpanKind::Producer);
    assert_eq!(published.span_context.trace_state().header(), "vendor=1");
    let processed = span(&place, "process events.todo.newitem").await;
    for (key, value) in [
        ("messaging.system", "nats"),
        ("messaging.operation.name", "process"),
        ("messaging.operation.type", "process"),
        ("messaging.destination.name", NEW),
        ("messaging.message.id", event.id.as_str()),
        ("messaging.consumer.group.name", "saver"),
        ("messaging.nats.stream.sequence", "1"),
        ("server.address", "127.0.0.1"),
    ] {
        let said = attribute(&processed, key);
        assert_eq!(said.as_deref(), Some(value), "{key}");
    }
    assert_eq!(processed.span_kind, SpanKind::Consumer);
    assert_eq!(processed.status, Status::Unset);
    for name in ["receive", "process", "ack"] {
        let span = span(&place, &format!("{name} {NEW}")).await;
        assert_eq!(span.parent_span_id, id(&published), "{name}");
        assert!(span.links.links.is_empty());
    }
    let follows = span(&place, "publish events.todo.itemsaved").await;
    assert_eq!(follows.parent_span_id, id(&processed));
    assert_eq!(
        attribute(&follows, "messaging.operation.type").as_deref(),
        Some("send")
    );
    let read = span(&place, "process events.todo.itemsaved").await;
    assert_eq!(read.parent_span_id, id(&follows));
    assert_eq!(attribute(&read, "messaging.consumer.group.name"), None);
}

#[tokio::test]
async fn a_batch_points_at_each_of_its_events() {
    told();
    let world = World::new().await;
    let mut places = Vec::new();
    for number in 0..50 {
        places.push(add(&world, &number.to_string()).await.1);
    }
    let group = format!("saver-{}", uuid::Uuid::now_v7().simple());
    let stop = CancellationToken::new();
    let batches = Batches {
        size: 20,
        at_once: 1,
        pace: Duration::from_millis(50),
    };
    let members = world.bus.group(&group, NEW).batches(
        batches,
        stop.clone(),
        async |_: &[Delivery<TodoEvent>]| Ok(()),
    );
    during(&stop, [members], world.settled(&group)).await;

    let mut published = BTreeSet::new();
    for place in &places {
        let sent = span(place, &format!("publish {NEW}")).await;
        let processed = span(place, &format!("process {NEW}")).await;
        assert_eq!(processed.parent_span_id, id(&sent));
        published.insert(id(&sent).to_string());
    }
    for operation in ["receive", "ack"] {
        let spans = told().get_finished_spans().unwrap();
        let of_group = spans.iter().filter(|span| {
            let by = attribute(span, "messaging.consumer.group.name");
            span.name == format!("{operation} {NEW}") && by.as_ref() == Some(&group)
        });
        let mut batches = 0;
        let mut pointed_at = BTreeSet::new();
        for span in of_group {
            match attribute(span, "messaging.batch.message_count") {
                Some(count) => {
                    batches += 1;
                    assert_eq!(span.parent_span_id, SpanId::INVALID);
                    assert_eq!(count, span.links.len().to_string());
                    let links = span.links.iter();
                    pointed_at.extend(links.map(|link| link.span_context.span_id().to_string()));
                }
                None => drop(pointed_at.insert(span.parent_span_id.to_string())),
            }
        }
        assert!(batches > 0, "{operation}");
        assert_eq!(pointed_at, published, "{operation}");
    }
}

#[tokio::test]
async fn a_dead_letter_keeps_its_trace_and_its_replay_begins_one_that_points_there() {
    told();
    let world = World::new().await;
    let stop = CancellationToken::new();
    let refusing = std::cell::Cell::new(true);
    let followed = std::cell::RefCell::new(None);
    let member =
        world
            .bus
            .group("saver", NEW)
            .each(stop.clone(), async |event: &Delivery<TodoEvent>| {
                if refusing.get() {
                    return Err(never("the drawer is full"));
                }
                followed.replace(event.meta.trace.clone());
                Ok(())
            });
    let place = during(&stop, [member], async {
        let (_, place) = add(&world, "buy milk").await;
        span(&place, &format!("term {NEW}")).await;
        let desk = world.bus.dead_letters().await.unwrap();
        let letters: Vec<_> = desk.list(None).try_collect().await.unwrap();
        let dead = letters[0].event.as_ref().unwrap();
        let kept = dead
            .headers()
            .into_iter()
            .find(|(name, _)| *name == "traceparent");
        assert!(kept.unwrap().1.contains(place.trace_id()));
        refusing.set(false);
        desk.replay(&letters[0]).await.unwrap();
        eventually("the replay is handled", SOON, async || {
            followed.borrow().is_some()
        })
        .await;
        place
    })
    .await;
    let published = span(&place, &format!("publish {NEW}")).await;
    let failed = span(&place, &format!("process {NEW}")).await;
    assert_eq!(
        failed.status,
        Status::error("cannot be handled: the drawer is full")
    );
    assert_eq!(attribute(&failed, "error.type").as_deref(), Some("never"));
    let followed = followed.take().unwrap();
    assert_ne!(followed.trace_id(), place.trace_id());
    let replayed = span(&followed, &format!("process {NEW}")).await;
    assert_eq!(replayed.parent_span_id, SpanId::INVALID);
    let links: Vec<_> = replayed.links.iter().collect();
    assert_eq!(links[0].span_context.span_id(), id(&published));
}

#[tokio::test]
async fn an_event_that_cannot_be_published_is_told_of_as_that() {
    told();
    let mut world = World::new().await;
    world.broker.stop().await.unwrap();
    let mut connected = world.bus.connected();
    connected.wait_for(|connected| !connected).await.unwrap();
    let place = place();
    let event = new_item("buy milk").traced(Some(&place));
    world.bus.publish(&event).await.unwrap_err();
    let failed = span(&place, &format!("publish {NEW}")).await;
    assert_eq!(failed.status, Status::error("the broker is away"));
    assert_eq!(attribute(&failed, "error.type").as_deref(), Some("away"));
}

#[tokio::test]
async fn a_trace_that_nobody_wants_recorded_is_passed_on_and_not_told() {
    told();
    let world = World::new().await;
    let quiet = place().parent().replace("-01", "-00");
    let quiet = TraceContext::parse(&quiet, None).unwrap();
    let mut heard = world.bus.subscribe(NEW).await.unwrap();
    let event = new_item("buy milk").traced(Some(&quiet));
    world.bus.publish(&event).await.unwrap();
    let heard = heard.next().await.unwrap();
    let passed_on = TraceContext::parse(heard.header("traceparent").unwrap(), None).unwrap();
    assert_eq!(passed_on.trace_id(), quiet.trace_id());
    assert!(!passed_on.is_sampled());
    let spans = told().get_finished_spans().unwrap();
    let trace = trace_of(&quiet);
    assert!(
        spans
            .iter()
            .all(|span| span.span_context.trace_id() != trace)
    );
}
