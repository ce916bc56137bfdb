//! How the database gets its tables.

use std::time::Duration;

use sqlx::{ConnectOptions, Connection};
use tokio::time::timeout;

use crate::{StoreError, database::options, error::Cause};

/// How long connecting may take.
pub(crate) const CONNECT: Duration = Duration::from_secs(5);
/// How long to wait for another migrator, and for any table that a migration changes. A change
/// that waits longer would make everybody else queue up behind it.
pub(crate) const LOCK: &str = "5s";

/// Brings the tables of the database at `url` up to what this program knows, and leaves those of a
/// later release alone, so that an older one can be put back.
///
/// Run it once before the services, from `setup`; two at a time wait for each other. Trying again
/// when the database is unavailable is the caller's business.
pub async fn migrate(url: &str) -> Result<(), StoreError> {
    let options = options(url, "setup")?.options([("lock_timeout", LOCK)]);
    let connect = timeout(CONNECT, options.connect()).await;
    let mut connection = connect
        .unwrap_or(Err(sqlx::Error::PoolTimedOut))
        .map_err(|error| StoreError::Migrate(error.into()))?;
    let mut migrator = sqlx::migrate!("../../migrations");
    migrator.set_ignore_missing(true);
    migrator
        .run(&mut connection)
        .await
        .map_err(|error| StoreError::Migrate(Cause::from(error)))?;
    // The work is done and committed; a goodbye that gets lost changes nothing.
    let _ = timeout(CONNECT, connection.close()).await;
    Ok(())
}
