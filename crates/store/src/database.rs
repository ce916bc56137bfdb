//! Access to the database: a connection pool that no outage can block, and a probe beside it.

use std::{sync::Arc, time::Duration};

use sqlx::{
    Connection, PgConnection,
    pool::PoolConnectionMetadata,
    postgres::{PgPool, PgPoolOptions},
};
use tokio::{
    sync::watch,
    task::AbortHandle,
    time::{Instant, sleep, timeout},
};
use tracing::debug;

use crate::{
    ErrorKind, StoreError,
    address::Address,
    error::{Cause, Reason},
    health::Health,
    lease::Lease,
};

/// Timeout for getting a connection from the pool.
const ACQUIRE: Duration = Duration::from_secs(2);
/// Timeout of a call. Longer than `statement_timeout` and [`ACQUIRE`] together, so that it matters only where
/// the server's error does not arrive.
const CALL: Duration = Duration::from_secs(13);
/// Timeout for closing the pool.
const CLOSE: Duration = Duration::from_secs(2);
/// Statements that begin a transaction for a single statement.
const BEGIN: &str = "begin; set local statement_timeout = '10s'";
/// Idle time above which a connection is tested before use.
const FRESH: Duration = Duration::from_secs(1);
/// Timeout of that test.
const TRIAL: Duration = Duration::from_millis(400);
/// Idle time after which a connection is closed. Some firewalls drop it after four minutes, without a reset.
const REST: Duration = Duration::from_mins(2);

/// A handle on the database, cheap to clone: a pool of limited size, and one more connection that only probes
/// whether the database answers.
///
/// A call fails within three seconds when the database is gone or frozen, and may take up to ten when it
/// answers but is slow: calls race against the probe instead of against a short timeout, under which on a
/// slow day the same large statement would fail again and again.
#[derive(Clone)]
pub struct Database(Arc<Inner>);

struct Inner {
    pool: PgPool,
    health: Arc<Health>,
    probe: AbortHandle,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.probe.abort();
    }
}

impl Database {
    /// Creates a handle on the database at `url` and starts the probe. Does not wait for a connection: the
    /// first call finds out whether the database is unavailable. `application_name` names this process in the
    /// database's own views.
    ///
    /// Fails if `url` is no URL of a PostgreSQL database, or names a file that is not there.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    pub fn connect(
        url: &str,
        application_name: &str,
        max_connections: u32,
    ) -> Result<Self, StoreError> {
        let address = Address::read(url, application_name)?;
        let health = Health::new();
        let pool = PgPoolOptions::new()
            .max_connections(max_connections.max(1))
            .min_connections(0)
            .acquire_timeout(ACQUIRE)
            // Connections are tested only after an idle time. A ping before every use would take a third of a
            // short statement's time. The first call after a restart of the database finds out in that test
            // that its connection is closed, and opens another instead of failing.
            .test_before_acquire(false)
            .idle_timeout(REST)
            .before_acquire(|connection, rest| Box::pin(still_good(connection, rest)))
            .connect_lazy_with(address.options(address.first()));
        let probing = address.named(&format!("{application_name} probe"));
        let probe = Arc::clone(&health).probe(probing, address, pool.clone());
        let probe = tokio::spawn(probe).abort_handle();
        Ok(Self(Arc::new(Inner {
            pool,
            health,
            probe,
        })))
    }

    /// Returns whether the database answers, as last found out by the probe, once a second, and by failing
    /// calls. It is false until the first answer. Reading it costs nothing, so readiness is based on it.
    pub fn reachable(&self) -> watch::Receiver<bool> {
        self.0.health.reachable()
    }

    /// Waits until the database turns out to be unusable with these settings, and returns the reason: the
    /// server requires TLS that the address does not ask for, a certificate is invalid, or the database
    /// cannot hold every text. Completes only if that shows before the database was ever usable; later it is
    /// an outage. Cancel safe.
    pub fn refusal(&self) -> impl Future<Output = Arc<StoreError>> + Send + use<> {
        let mut refusal = self.0.health.refusal();
        async move {
            let refused = refusal.wait_for(Option::is_some).await;
            match refused.ok().and_then(|refused| refused.clone()) {
                Some(error) => error,
                None => std::future::pending().await,
            }
        }
    }

    /// Closes the pool, once its connections are free or after 2 s; later calls fail.
    pub async fn close(&self) {
        self.0.probe.abort();
        // After the timeout the sockets are just closed.
        let _ = timeout(CLOSE, self.0.pool.close()).await;
    }

    /// Runs one statement on a connection from the pool, with metrics under its `name`.
    pub(crate) async fn run<T, W>(&self, name: &'static str, work: W) -> Result<T, Cause>
    where
        W: AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
    {
        let start = Instant::now();
        // Boxed, since it is large and callers hold several of these at a time.
        let answer = Box::pin(self.lend(work));
        let outcome = tokio::select! {
            biased;
            outcome = answer => outcome,
            () = self.0.health.silence() => Err(Reason::Silent.into()),
            () = sleep(CALL) => Err(Reason::Overdue.into()),
        };
        metrics::histogram!("store_statement_duration_seconds", "statement" => name)
            .record(start.elapsed());
        if let Err(cause) = &outcome {
            let kind = cause.kind();
            if kind == ErrorKind::Unavailable {
                self.0.health.doubt();
            }
            metrics::counter!("store_failures_total", "statement" => name, "kind" => label(kind))
                .increment(1);
        }
        outcome
    }

    /// Runs `work` on a connection, which goes back to the pool if it is fit for another statement.
    async fn lend<T, W>(&self, work: W) -> Result<T, Cause>
    where
        W: AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
    {
        let way = timeout(ACQUIRE, self.0.health.way()).await;
        let way = way.map_err(|_| Reason::NoConnection)?;
        let connection = self.0.pool.acquire().await;
        let connection = connection.map_err(|error| Reason::Connection(Box::new(error.into())))?;
        let mut lease = Lease::new(connection);
        if way.pooled {
            let outcome = in_transaction(lease.connection(), work).await;
            // A connection in a failed transaction is not used again.
            if outcome.is_ok() {
                lease.give_back();
            }
            return outcome.map_err(Cause::from);
        }
        let outcome = work(lease.connection()).await.map_err(Cause::from);
        if matches!(&outcome, Err(cause) if cause.is_of_a_pooler()) {
            self.0.health.found_pooler();
        }
        // A rejected row does not harm the connection. After any other error a new one is the safer choice.
        if !matches!(&outcome, Err(cause) if cause.kind() != ErrorKind::Rejected) {
            lease.give_back();
        }
        outcome
    }
}

/// Runs a statement so that it works behind a pooler that runs each transaction on another server connection:
/// the timeout and the prepared statement are set up in a transaction of its own, and nothing of them is left
/// behind. That takes three more round trips, so it is not done without a pooler.
async fn in_transaction<T, W>(connection: &mut PgConnection, work: W) -> Result<T, sqlx::Error>
where
    W: AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
{
    let mut transaction = connection.begin_with(BEGIN).await?;
    let value = work(&mut transaction).await?;
    transaction.clear_cached_statements().await?;
    transaction.commit().await?;
    Ok(value)
}

async fn still_good(
    connection: &mut PgConnection,
    rest: PoolConnectionMetadata,
) -> Result<bool, sqlx::Error> {
    if rest.idle_for <= FRESH {
        return Ok(true);
    }
    // A proxy may have closed the connection, or a firewall dropped it without a reset. The pool still has
    // time to try others and to open a new one; that is no outage, and nothing to tell an operator.
    match timeout(TRIAL, connection.ping()).await {
        Ok(Ok(())) => return Ok(true),
        Ok(Err(error)) => debug!("a connection that rested was closed: {error}"),
        Err(_) => debug!("a connection that rested does not answer"),
    }
    Ok(false)
}

fn label(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Unavailable => "unavailable",
        ErrorKind::Rejected => "rejected",
        ErrorKind::Fault => "fault",
    }
}
