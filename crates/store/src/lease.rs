//! A pooled connection that goes back to the pool only if it is fit for the next statement.

use std::time::Duration;

use sqlx::{PgConnection, Postgres, pool::PoolConnection};

/// Timeout of the check before a connection goes back to the pool.
const CHECK: Duration = Duration::from_secs(1);

/// A borrowed connection. Dropping it closes the connection.
///
/// That is the reverse of the pool's own guard, which takes back any connection after a ping without a
/// timeout: one that was left in the middle of a statement on a frozen database, or behind a network that
/// drops packets, would keep its slot in the pool for as long as that lasts, and a few of them would block
/// the pool. A call may end at any `await`, by a timeout or because its caller dropped it; then an answer may
/// be outstanding on the connection.
pub(crate) struct Lease(Option<PoolConnection<Postgres>>);

impl Lease {
    pub(crate) fn new(connection: PoolConnection<Postgres>) -> Self {
        Self(Some(connection))
    }

    pub(crate) fn connection(&mut self) -> &mut PgConnection {
        self.0
            .as_mut()
            .expect("a lease has its connection until it ends")
    }

    /// Returns the connection to the pool. The caller does not wait for that.
    pub(crate) fn give_back(mut self) {
        if let Some(mut connection) = self.0.take() {
            // If the check takes too long, the connection is closed and its slot is free again.
            tokio::spawn(tokio::time::timeout(CHECK, connection.return_to_pool()));
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(connection.detach());
        }
    }
}
