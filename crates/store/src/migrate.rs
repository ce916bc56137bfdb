//! Migrations of the database.

use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tokio::time::timeout;

use crate::{
    StoreError,
    address::Address,
    error::{Cause, Reason},
    fitness::look,
};

/// Timeout of connecting.
pub(crate) const CONNECT: Duration = Duration::from_secs(5);
/// Statements that begin a transaction as the owner. The timeout bounds the wait for another migrator, and
/// for any table that is changed. A change that waits longer would block every statement queued behind it.
/// After the wait for another migrator its changes have to be visible, whatever isolation level is the
/// default of the database.
pub(crate) const BEGIN: &str =
    "begin isolation level read committed; set local lock_timeout = '5s'";

/// Migrates the database at `url` to the schema of this program, and ignores migrations of a later release,
/// so that an older one can be put back.
///
/// Run it once before the services, from `setup`; concurrent runs wait for each other. Retries while the
/// database is unavailable are up to the caller.
pub async fn migrate(url: &str) -> Result<(), StoreError> {
    let address = Address::read(url, "setup")?;
    let migrated = async {
        let mut connection = log_in(&address).await?;
        run(&mut connection).await?;
        // The transaction is committed; it does not matter if closing fails.
        let _ = timeout(CONNECT, connection.close()).await;
        Ok(())
    };
    migrated
        .await
        .map_err(|cause: Cause| StoreError::Migrate(cause.of_owner()))
}

/// Connects as the owner, and checks that the database can hold everything.
pub(crate) async fn log_in(address: &Address) -> Result<PgConnection, Cause> {
    let way = address.first().of_owner();
    let connected = async {
        let (mut connection, _) = address.connect(way).await?;
        look(&mut connection).await?.fit()?;
        Ok(connection)
    };
    let connected = timeout(CONNECT, connected).await;
    Ok(connected.unwrap_or(Err(Reason::NoConnection))?)
}

/// Runs all migrations in one transaction. So they work behind a pooler too, which may run the next
/// transaction on another server connection, and give prepared statements and session locks, the driver's own
/// among them, to another client.
async fn run(connection: &mut PgConnection) -> Result<(), Cause> {
    let mut transaction = connection.begin_with(BEGIN).await?;
    // Held until the end of the transaction, before which the driver releases its own lock.
    sqlx::raw_sql("select pg_advisory_xact_lock(hashtext('migrations of the todo services'))")
        .execute(&mut *transaction)
        .await?;
    let mut migrator = sqlx::migrate!("../../migrations");
    migrator.set_ignore_missing(true);
    migrator.run(&mut *transaction).await?;
    transaction.clear_cached_statements().await?;
    transaction.commit().await?;
    Ok(())
}
