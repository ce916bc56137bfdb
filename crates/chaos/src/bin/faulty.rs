//! Services with one fault each, for the tests of the judge. They are the real ones but for the fault,
//! which `FAULT` names; no deployed service has a switch for it.

use std::{process::ExitCode, time::Duration};

use anyhow::Context;
use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderValue, Method, StatusCode, header::CONTENT_TYPE},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
};
use bus::{Batches, Bus, Delivery, HandlerError, Replies};
use chaos::Plant;
use clap::Parser;
use events::{Envelope, EventId, ItemEvent, Position, StreamIdentity, TodoEvent};
use futures_util::TryStreamExt;
use rand::RngExt;
use service::{Service, settings};
use store::{Database, ItemStore};
use time::OffsetDateTime;
use tokio::time::sleep;

/// Duration of a fault's window: long enough that something happens meanwhile.
const OPEN: Duration = Duration::from_millis(400);

#[derive(Parser)]
struct Choice {
    #[arg(long, env, value_enum)]
    fault: Plant,
}

#[derive(clap::Args)]
struct Settings {
    #[command(flatten)]
    broker: settings::Broker,
    #[command(flatten)]
    database: settings::Database,
}

/// An event with its position in the stream and its id.
type Known = (ItemEvent, Position, EventId);

fn main() -> ExitCode {
    let Choice { fault } = Choice::parse();
    let service = service::named(fault.service());
    match fault {
        Plant::AckBeforeCommit => service.run(ack_before_commit),
        Plant::NoVersionGuard => service.run(no_version_guard),
        Plant::YesWithoutWaiting => service.run(yes_without_waiting),
        Plant::KeyIgnored => service.run(key_ignored),
        Plant::UpdateDropped => service.run(update_dropped),
    }
}

async fn ack_before_commit(service: Service, settings: Settings) -> anyhow::Result<()> {
    let batches = Batches {
        size: 100,
        at_once: 1,
        pace: Duration::ZERO,
    };
    saver(service, settings, batches, async |saver, events| {
        let saver = saver.clone();
        // The batch is acknowledged before this has begun.
        tokio::spawn(async move {
            sleep(OPEN).await;
            drop(saver.save(events).await);
        });
        Ok(())
    })
    .await
}

async fn no_version_guard(service: Service, settings: Settings) -> anyhow::Result<()> {
    let batches = Batches {
        size: 1,
        at_once: 50,
        pace: Duration::ZERO,
    };
    saver(service, settings, batches, async |saver, mut events| {
        let pause = OPEN.mul_f64(rand::rng().random());
        sleep(pause).await;
        // The position that is drawn last counts as the newest.
        let arrival = StreamIdentity::new("arrival", OffsetDateTime::now_utc()).position(0);
        for (_, position, _) in &mut events {
            *position = arrival;
        }
        saver.save(events).await
    })
    .await
}

async fn yes_without_waiting(service: Service, settings: Settings) -> anyhow::Result<()> {
    async fn yes(request: Request, next: Next) -> Response {
        if request.method() == Method::GET {
            return next.run(request).await;
        }
        tokio::spawn(next.run(request));
        StatusCode::ACCEPTED.into_response()
    }
    api(service, settings, |routes| routes.layer(from_fn(yes))).await
}

async fn key_ignored(service: Service, settings: Settings) -> anyhow::Result<()> {
    async fn forget(mut request: Request, next: Next) -> Response {
        request.headers_mut().remove("idempotency-key");
        next.run(request).await
    }
    api(service, settings, |routes| routes.layer(from_fn(forget))).await
}

async fn update_dropped(service: Service, settings: Settings) -> anyhow::Result<()> {
    async fn drop_some(request: Request, next: Next) -> Response {
        let (head, body) = next.run(request).await.into_parts();
        if head.headers.get(CONTENT_TYPE) != Some(&HeaderValue::from_static("text/event-stream")) {
            return Response::from_parts(head, body);
        }
        let pushed = body.into_data_stream().try_filter(|frame| {
            let is_dropped =
                frame.windows(6).any(|six| six == b"saved\n") && rand::random_ratio(1, 8);
            std::future::ready(!is_dropped)
        });
        Response::from_parts(head, Body::from_stream(pushed))
    }
    let (bus, database) = connect(&service, &settings).await?;
    let app = todo_web::App::new(bus, &database, service.stop());
    let watching = app.watch();
    tokio::select! {
        served = service.serve(todo_web::routes(app).layer(from_fn(drop_some))) => served,
        () = watching => Ok(()),
    }
}

/// Saves events and publishes the saved states as save-handler does.
#[derive(Clone)]
struct Saver {
    items: ItemStore,
    bus: Bus,
}

impl Saver {
    async fn save(&self, events: Vec<Known>) -> Result<(), HandlerError> {
        let positioned = events.iter().map(|(event, position, _)| (event, *position));
        let saved = self.items.apply(positioned).await;
        for saved in saved.map_err(|error| HandlerError::Unavailable(error.into()))? {
            let about = |(event, ..): &&Known| event.item_id() == saved.id;
            let Some((_, _, cause)) = events.iter().rfind(about) else {
                continue;
            };
            let id = EventId::of_version(saved.id, saved.version);
            if let Some(state) = saved.into_event(cause.clone()) {
                let envelope = Envelope::seal(&state, id, "faulty", OffsetDateTime::now_utc());
                let stored = self.bus.publish(&envelope).await;
                stored.map_err(|error| HandlerError::Unavailable(error.into()))?;
            }
        }
        Ok(())
    }
}

/// Runs save-handler with `save` in place of its handler.
async fn saver(
    service: Service,
    settings: Settings,
    batches: Batches,
    save: impl AsyncFn(&Saver, Vec<Known>) -> Result<(), HandlerError>,
) -> anyhow::Result<()> {
    let (bus, database) = connect(&service, &settings).await?;
    let group = bus.group(service.name(), events::ALL_SUBJECTS);
    service.ready_when("group", group.working());
    let saver = Saver {
        items: ItemStore::new(database),
        bus,
    };
    tokio::try_join!(service.serve(Router::new()), async {
        let save = async |batch: &[_]| save(&saver, known(batch)).await;
        let working = group.batches(batches, service.stop(), save);
        working.await.context("cannot be in the group")
    })
    .map(drop)
}

fn known(batch: &[Delivery<TodoEvent>]) -> Vec<Known> {
    let known = batch.iter().filter_map(|delivery| match &delivery.event {
        TodoEvent::Item(event) => {
            let (position, id) = (delivery.origin.position(), delivery.meta.id.clone());
            Some((event.clone(), position, id))
        }
        TodoEvent::Saved(_) => None,
    });
    known.collect()
}

/// Runs todo-api with `between`, a layer around its routes.
async fn api(
    service: Service,
    settings: Settings,
    between: impl FnOnce(Router) -> Router,
) -> anyhow::Result<()> {
    let (bus, database) = connect(&service, &settings).await?;
    let replies = Replies::open(&bus).await?;
    let app = todo_api::App::new(bus, replies, &database, service.stop());
    service
        .serve(between(todo_api::routes(app, &todo_api::Policy::default())))
        .await
}

async fn connect(service: &Service, settings: &Settings) -> anyhow::Result<(Bus, Database)> {
    let bus = Bus::connect(
        settings.broker.nats_url.as_str(),
        service.name(),
        service.member(),
    );
    let bus = bus.await.context("cannot use the broker (NATS_URL)")?;
    let database = Database::connect(settings.database.database_url.as_str(), service.member(), 2)
        .context("cannot use the database (DATABASE_URL)")?;
    service.ready_when("broker", bus.connected());
    service.ready_when("database", database.reachable());
    Ok((bus, database))
}
