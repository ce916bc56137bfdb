//! How the database gets its tables.

use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tokio::time::timeout;

use crate::{
    StoreError,
    address::Address,
    error::{Cause, Reason},
    fitness::look,
};

/// How long connecting may take.
pub(crate) const CONNECT: Duration = Duration::from_secs(5);
/// How work as the owner begins: it waits so long for another migrator, and for any table that it
/// changes. A change that waits longer would make everybody else queue up behind it. Who waited for
/// another migrator has to see what that one made, whatever isolation is the database's default.
pub(crate) const BEGIN: &str =
    "begin isolation level read committed; set local lock_timeout = '5s'";

/// Brings the tables of the database at `url` up to what this program knows, and leaves those of a
/// later release alone, so that an older one can be put back.
///
/// Run it once before the services, from `setup`; two at a time wait for each other. Trying again
/// when the database is unavailable is the caller's business.
pub async fn migrate(url: &str) -> Result<(), StoreError> {
    let address = Address::read(url, "setup")?;
    let migrated = async {
        let mut connection = log_in(&address).await?;
        run(&mut connection).await?;
        // The work is done and committed; a goodbye that gets lost changes nothing.
        let _ = timeout(CONNECT, connection.close()).await;
        Ok(())
    };
    migrated
        .await
        .map_err(|cause: Cause| StoreError::Migrate(cause.of_owner()))
}

/// Logs in as the owner, to a database that can hold what is to be kept there.
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

/// All migrations in one transaction. So they work behind a pooler too, which may give the next
/// transaction to another connection, and what a connection holds until its end, prepared statements
/// and the driver's own lock, to somebody else.
async fn run(connection: &mut PgConnection) -> Result<(), Cause> {
    let mut transaction = connection.begin_with(BEGIN).await?;
    // Until the end of the transaction, which the driver's lock does not last to.
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
