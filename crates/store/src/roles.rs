//! Roles of the services in the database.

use sqlx::{Connection, PgConnection, raw_sql};
use tokio::time::timeout;

use crate::{
    StoreError,
    address::Address,
    error::Cause,
    migrate::{BEGIN, CONNECT, log_in},
};

/// A service's role in the database, and the password by which it logs in.
#[derive(Clone, Copy)]
pub struct Role<'a> {
    /// The service's name.
    pub service: &'a str,
    /// Its password.
    pub password: &'a str,
}

/// Gives each service that uses the database its role at `url`, with as few rights as its work needs
/// (`roles.sql` has them), and the passwords of `roles`.
///
/// Run it as the owner of the tables, after [`migrate`](crate::migrate). Repeating it changes nothing
/// but passwords that are new.
pub async fn ensure_roles(url: &str, roles: &[Role<'_>]) -> Result<(), StoreError> {
    let address = Address::read(url, "setup")?;
    let granted = async {
        let mut connection = log_in(&address).await?;
        grant(&mut connection, roles).await?;
        // The transaction is committed; it does not matter if closing fails.
        let _ = timeout(CONNECT, connection.close()).await;
        Ok(())
    };
    granted
        .await
        .map_err(|cause: Cause| StoreError::Roles(cause.of_owner()))
}

/// Grants everything in one transaction: in between, running services would lose rights that they have.
async fn grant(connection: &mut PgConnection, roles: &[Role<'_>]) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin_with(BEGIN).await?;
    raw_sql(include_str!("roles.sql"))
        .execute(&mut *transaction)
        .await?;
    for role in roles {
        // A password cannot be a parameter of the statement that sets it; the database itself quotes it.
        let statement = sqlx::query_scalar!(
            "select format('alter role %I password %L', $1::text, $2::text)",
            role.service,
            role.password
        )
        .fetch_one(&mut *transaction)
        .await?;
        let statement = statement.unwrap_or_default();
        raw_sql(sqlx::AssertSqlSafe(statement))
            .execute(&mut *transaction)
            .await?;
    }
    // A pooler would leave these to the next client.
    transaction.clear_cached_statements().await?;
    transaction.commit().await
}
