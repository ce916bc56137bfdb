//! A connection on loan from the pool, which gets back only what is fit for the next borrower.

use std::time::Duration;

use sqlx::{PgConnection, Postgres, pool::PoolConnection};

/// How long a connection may take to show that it is well before the pool has it back.
const CHECK: Duration = Duration::from_secs(1);

/// A connection on loan. Dropping it closes the connection.
///
/// That is the reverse of what the pool's own guard does, which takes back any connection after a
/// ping without a deadline: one that was left in the middle of a statement on a frozen database, or
/// behind a link that swallows what is sent, would keep its place in the pool for as long as that
/// lasts, and a few of them would block the pool. A call may end at any `await`, by a deadline or
/// because its caller lost interest; then nobody can say what the connection still owes.
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

    /// Gives the connection back to the pool. The borrower does not wait for that.
    pub(crate) fn give_back(mut self) {
        if let Some(mut connection) = self.0.take() {
            // If the check takes too long the connection is closed and its place is free again.
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
