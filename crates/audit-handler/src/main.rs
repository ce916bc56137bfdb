//! audit-handler: stores every message, also one that is no event of ours, and logs it. The one service
//! whose log contains the users' texts.

use std::{process::ExitCode, time::Duration};

use anyhow::Context;
use axum::Router;
use bus::{Batches, Bus, Delivery, HandlerError};
use events::{ItemEvent, ItemId, TodoEvent};
use service::{Service, WrongSetting, settings};
use store::{AuditEntry, AuditLog, Database, ErrorKind, StoreError};
use time::format_description::well_known::Rfc3339;
use tracing::info;

#[derive(clap::Args)]
struct Settings {
    #[command(flatten)]
    broker: settings::Broker,
    #[command(flatten)]
    database: settings::Database,
}

const BATCHES: Batches = Batches {
    size: 500,
    at_once: 1,
    pace: Duration::from_millis(3),
};

fn main() -> ExitCode {
    service::named(env!("CARGO_PKG_NAME")).run(run)
}

async fn run(service: Service, settings: Settings) -> anyhow::Result<()> {
    let url = service.sign(&settings.broker.nats_url);
    let bus = Bus::connect(url.as_str(), service.name(), service.member())
        .await
        .context("cannot use the broker (NATS_URL)")?;
    let database = Database::connect(
        service.sign(&settings.database.database_url).as_str(),
        service.member(),
        1,
    )
    .context(WrongSetting("DATABASE_URL"))?;
    let group = bus.group(service.name(), events::ALL_SUBJECTS);
    service.ready_when("broker", bus.connected());
    service.ready_when("database", database.reachable());
    service.refused_when("DATABASE_URL", database.refusal());
    service.ready_when("group", group.working());

    let log = AuditLog::new(database);
    tokio::try_join!(service.serve(Router::new()), async {
        let audit = async |batch: &[_]| audit(&log, batch).await;
        group
            .batches(BATCHES, service.stop(), audit)
            .await
            .context("cannot be in the group")
    })?;
    bus.close().await;
    Ok(())
}

async fn audit(log: &AuditLog, batch: &[Delivery<Option<TodoEvent>>]) -> Result<(), HandlerError> {
    let entries: Vec<_> = batch.iter().map(entry).collect();
    log.append(&entries).await.map_err(blame)?;
    service::log_together(|| batch.iter().for_each(report));
    Ok(())
}

fn entry(event: &Delivery<Option<TodoEvent>>) -> AuditEntry<'_> {
    AuditEntry {
        stream: &event.origin.stream,
        sequence: event.origin.sequence,
        subject: event.subject(),
        event_id: &event.meta.id,
        item: event.event.as_ref().map(item_of),
        occurred_at: event.meta.occurred_at,
        stored_at: event.origin.stored_at,
        payload: event.payload(),
    }
}

fn item_of(event: &TodoEvent) -> ItemId {
    match event {
        TodoEvent::Item(event) => event.item_id(),
        TodoEvent::Saved(saved) => saved.id,
    }
}

fn report(event: &Delivery<Option<TodoEvent>>) {
    let time = event.meta.occurred_at.format(&Rfc3339).unwrap_or_default();
    let what = match &event.event {
        Some(TodoEvent::Item(ItemEvent::Added(added))) => added.item.to_string(),
        Some(TodoEvent::Item(ItemEvent::Renamed(renamed))) => {
            format!("{} is now {}", renamed.id, renamed.item)
        }
        Some(TodoEvent::Item(other)) => format!("{} {}", event.subject(), other.item_id()),
        Some(TodoEvent::Saved(saved)) => format!("{} {}", event.subject(), saved.id),
        None => format!(
            "{} bytes on {} that are no event",
            event.payload().len(),
            event.subject()
        ),
    };
    info!(event.id = %event.meta.id, "AUDIT @ {time}: {what}");
}

/// Maps an error of the store to the handler's: an outage is not the events' fault, and a statement that the
/// database rejects will be rejected again.
fn blame(error: StoreError) -> HandlerError {
    match error.kind() {
        ErrorKind::Unavailable => HandlerError::Unavailable(error.into()),
        ErrorKind::Rejected => HandlerError::Reject(error.into()),
        ErrorKind::Fault => HandlerError::Retry(error.into()),
    }
}
