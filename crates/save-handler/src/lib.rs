//! Saving of items. Members of the group share the events, in any order: the store keeps the newest
//! values, so the table ends as if the events had come one by one.

mod saver;

use std::time::Duration;

use anyhow::Context;
use axum::Router;
use bus::{Batches, Bus};
use service::{Service, WrongSetting, settings};
use store::{Database, ItemStore};

pub use saver::Saver;

/// The settings that save-handler reads from the environment.
#[derive(clap::Args, Debug)]
pub struct Settings {
    #[command(flatten)]
    broker: settings::Broker,
    #[command(flatten)]
    database: settings::Database,
}

/// The batches: while one waits for the acknowledgements of its `itemsaved` events, the next is written;
/// the database gets one statement of this member at a time.
const BATCHES: Batches = Batches {
    size: 1000,
    at_once: 2,
    pace: Duration::from_millis(3),
};

/// Saves until shutdown is requested.
pub async fn run(service: Service, settings: Settings) -> anyhow::Result<()> {
    let bus = Bus::connect(
        service.sign(&settings.broker.nats_url).as_str(),
        service.name(),
        service.member(),
    )
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

    let saver = Saver::new(
        ItemStore::new(database.clone()),
        bus.clone(),
        service.name(),
    );
    tokio::try_join!(service.serve(Router::new()), async {
        let save = async |batch: &[_]| saver.save(batch).await;
        group
            .batches(BATCHES, service.stop(), save)
            .await
            .context("cannot be in the group")
    })?;
    bus.close().await;
    database.close().await;
    Ok(())
}
