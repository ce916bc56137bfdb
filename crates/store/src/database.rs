//! The way to the database: a pool that no outage can wedge, and a probe beside it.

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

/// How long a call waits for a connection.
const ACQUIRE: Duration = Duration::from_secs(2);
/// How long a call may take. Longer than the database's own limit and the wait for a connection
/// together, so that it matters only where that limit's news does not come through.
const CALL: Duration = Duration::from_secs(13);
/// How long the pool waits for its connections when it closes.
const CLOSE: Duration = Duration::from_secs(2);
/// How a transaction begins that is for one statement.
const BEGIN: &str = "begin; set local statement_timeout = '10s'";
/// A connection that rested longer than this is tried before it is used.
const FRESH: Duration = Duration::from_secs(1);
/// Time limit of the answer of a connection that is tried.
const TRIAL: Duration = Duration::from_millis(400);
/// Age at which a resting connection is closed. Some firewalls forget it after four minutes, and tell nobody.
const REST: Duration = Duration::from_mins(2);

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
            // Instead of a ping before every use, which would be a third of a short statement's
            // time, one after a rest. So the first call after a restart of the database finds out
            // here that its connection is gone, and opens another instead of failing.
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

    /// Whether the database answers, as last found out by the probe, which asks every second, and
    /// by failing calls. It is false until the first answer. Looking costs nothing, so this is
    /// what readiness is made of.
    pub fn reachable(&self) -> watch::Receiver<bool> {
        self.0.health.reachable()
    }

    /// Tells why the database cannot be used with these settings: the server insists on TLS that the
    /// address does not ask for, a certificate is not what it should be, the database cannot hold every
    /// text. Ends only if that shows before the database was ever of use; later it is an outage.
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
        let way = timeout(ACQUIRE, self.0.health.way()).await;
        let way = way.map_err(|_| Reason::NoConnection)?;
        let connection = self.0.pool.acquire().await;
        let connection = connection.map_err(|error| Reason::Connection(Box::new(error.into())))?;
        let mut lease = Lease::new(connection);
        if way.pooled {
            let outcome = in_transaction(lease.connection(), work).await;
            // One that is left in a transaction that failed is not given to anybody else.
            if outcome.is_ok() {
                lease.give_back();
            }
            return outcome.map_err(Cause::from);
        }
        let outcome = work(lease.connection()).await.map_err(Cause::from);
        if matches!(&outcome, Err(cause) if cause.is_of_a_pooler()) {
            self.0.health.found_pooler();
        }
        // A refused row says nothing against the connection. After anything else a new one is the
        // safer choice.
        if !matches!(&outcome, Err(cause) if cause.kind() != ErrorKind::Rejected) {
            lease.give_back();
        }
        outcome
    }
}

/// Runs a statement so that it works behind a pooler that gives each transaction another connection: what
/// it needs of a connection, its limit and its prepared form, it sets up in a transaction of its own, and
/// leaves nothing of it behind. That takes three more questions, so it is not the way without a pooler.
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
    // Something in between may have closed it, as many proxies do, or forgotten it without a word. There is time to try
    // the others then, and to make a new one; that is no outage, and nothing that an operator has to know.
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
