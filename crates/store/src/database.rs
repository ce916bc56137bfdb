//! The way to the database: a pool that no outage can wedge, and a probe beside it.

use std::{sync::Arc, time::Duration};

use sqlx::{
    Connection, PgConnection,
    pool::PoolConnectionMetadata,
    postgres::{PgConnectOptions, PgPool, PgPoolOptions},
};
use tokio::{
    sync::watch,
    task::AbortHandle,
    time::{Instant, sleep, timeout},
};

use crate::{
    ErrorKind, StoreError,
    error::{Cause, Reason},
    health::Health,
    lease::Lease,
};

/// How long a call waits for a connection.
const ACQUIRE: Duration = Duration::from_secs(2);
/// How long the database works on one statement before it gives up by itself, so that a statement
/// that nobody waits for any more does not hold its locks for long.
const STATEMENT: &str = "10s";
/// How long a call may take. Longer than the database's own limit and the wait for a connection
/// together, so that it matters only where that limit's news does not come through.
const CALL: Duration = Duration::from_secs(13);
/// How long the pool waits for its connections when it closes.
const CLOSE: Duration = Duration::from_secs(2);
/// A connection that rested longer than this is tried before it is used.
const FRESH: Duration = Duration::from_secs(1);

/// A handle on the database, cheap to clone: a pool of at most so many connections, and one more
/// that only asks whether the database answers.
///
/// A call ends within three seconds when the database is gone or frozen, and takes up to ten
/// when it is there but slow: calls race against the probe instead of against a short deadline,
/// which on a slow day would fail the same big statement again and again and never get it done.
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
    /// Makes a handle on the database at `url` and begins to ask whether it answers. Does not
    /// wait for that: a database that is away is found out by the first call. `application_name`
    /// is what the database's own views call this process.
    ///
    /// Fails if `url` is no URL of a PostgreSQL database.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    pub fn connect(
        url: &str,
        application_name: &str,
        max_connections: u32,
    ) -> Result<Self, StoreError> {
        let options = options(url, application_name)?.options([("statement_timeout", STATEMENT)]);
        let health = Health::new();
        let probing = options
            .clone()
            .application_name(&format!("{application_name} probe"));
        let probe = tokio::spawn(Arc::clone(&health).probe(probing)).abort_handle();
        let pool = PgPoolOptions::new()
            .max_connections(max_connections.max(1))
            .min_connections(0)
            .acquire_timeout(ACQUIRE)
            // Instead of a ping before every use, which would be a third of a short statement's
            // time, one after a rest. So the first call after a restart of the database finds out
            // here that its connection is gone, and opens another instead of failing.
            .test_before_acquire(false)
            .before_acquire(|connection, rest| Box::pin(still_good(connection, rest)))
            .connect_lazy_with(options);
        Ok(Self(Arc::new(Inner {
            pool,
            health,
            probe,
        })))
    }

    /// Whether the database answers, as last found out by the probe, which asks every second, and
    /// by failing calls. It is false until the first answer. Looking costs nothing, so this is
    /// what readiness is made of.
    pub fn reachable(&self) -> watch::Receiver<bool> {
        self.0.health.reachable()
    }

    /// Closes the pool's connections politely, once they are free; later calls fail.
    pub async fn close(&self) {
        self.0.probe.abort();
        // A database that does not answer now learns it from the closed socket.
        let _ = timeout(CLOSE, self.0.pool.close()).await;
    }

    /// Runs one statement on a connection of its own, measured under its `name`.
    pub(crate) async fn run<T, W>(&self, name: &'static str, work: W) -> Result<T, Cause>
    where
        W: AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
    {
        let start = Instant::now();
        // On the heap, since it is big and callers hold several of these at a time.
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

    /// Lends a connection to `work`, and takes it back if it is fit for another statement.
    async fn lend<T, W>(&self, work: W) -> Result<T, Cause>
    where
        W: AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
    {
        let mut lease = Lease::new(self.0.pool.acquire().await?);
        let outcome = work(lease.connection()).await.map_err(Cause::from);
        // A refused row says nothing against the connection. After anything else a new one is the
        // safer choice.
        if !matches!(&outcome, Err(cause) if cause.kind() != ErrorKind::Rejected) {
            lease.give_back();
        }
        outcome
    }
}

/// Reads where the database is, and says who asks.
pub(crate) fn options(url: &str, application_name: &str) -> Result<PgConnectOptions, StoreError> {
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(StoreError::Url(Reason::Scheme.into()));
    }
    let options: PgConnectOptions = url
        .parse()
        .map_err(|error: sqlx::Error| StoreError::Url(error.into()))?;
    Ok(options.application_name(application_name))
}

async fn still_good(
    connection: &mut PgConnection,
    rest: PoolConnectionMetadata,
) -> Result<bool, sqlx::Error> {
    if rest.idle_for > FRESH {
        connection.ping().await?;
    }
    Ok(true)
}

fn label(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Unavailable => "unavailable",
        ErrorKind::Rejected => "rejected",
        ErrorKind::Fault => "fault",
    }
}
