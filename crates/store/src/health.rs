//! Probing of the database, on a connection of its own.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use sqlx::{Connection, PgConnection, PgPool};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use crate::{
    StoreError,
    address::{Address, Way},
    error::Reason,
    fitness::look,
};

/// Interval of the probe while the database answers.
const PERIOD: Duration = Duration::from_secs(1);
/// Interval of the probe while it does not, short so that work resumes soon after an outage.
const RETRY: Duration = Duration::from_millis(500);
/// Timeout of a probe, connecting included.
const PATIENCE: Duration = Duration::from_secs(1);
/// Most reasons that are logged as warnings during one outage.
const REASONS: usize = 5;
/// Time for which a call that begins during an outage waits for the first answer. It covers a probe that was
/// waiting for its next turn when the database came back.
const GRACE: Duration = Duration::from_millis(2_500);

/// State of the database as far as known.
pub(crate) struct Health {
    /// For readiness: the result of the last probe, or false since a call has failed after it.
    reachable: watch::Sender<bool>,
    /// For calls in flight: the result of the last probe. A failed call does not fail the others.
    answering: watch::Sender<bool>,
    /// Options of new connections; none before the first connection.
    way: watch::Sender<Option<Way>>,
    /// Set if a call found a pooler that does not show when connecting.
    pooled: watch::Sender<bool>,
    /// Reason why the database cannot be used with these settings, if that showed before it was ever usable.
    refusal: watch::Sender<Option<Arc<StoreError>>>,
}

impl Health {
    /// A state in which nothing is known yet.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            reachable: watch::Sender::new(false),
            answering: watch::Sender::new(false),
            way: watch::Sender::new(None),
            pooled: watch::Sender::new(false),
            refusal: watch::Sender::new(None),
        })
    }

    pub(crate) fn reachable(&self) -> watch::Receiver<bool> {
        self.reachable.subscribe()
    }

    pub(crate) fn refusal(&self) -> watch::Receiver<Option<Arc<StoreError>>> {
        self.refusal.subscribe()
    }

    /// Waits until the options of new connections are known, and returns them.
    pub(crate) async fn way(&self) -> Way {
        if let Some(way) = *self.way.borrow() {
            return way;
        }
        let mut known = self.way.subscribe();
        let way = known.wait_for(Option::is_some).await;
        // `self` owns the sender, so it cannot be dropped.
        way.ok().and_then(|way| *way).expect("it is there now")
    }

    /// Records that prepared statements are lost or belong to other clients, as behind a pooler that runs
    /// each transaction on another server connection.
    pub(crate) fn found_pooler(&self) {
        if set(&self.pooled, true) {
            tracing::warn!(
                "a pooler before the database mixes up prepared statements: from now on each statement \
                 is prepared anew; `pgbouncer=true` in DATABASE_URL says so from the start"
            );
        }
        self.way.send_if_modified(|way| {
            let way = way.as_mut().filter(|way| !way.pooled);
            way.map(|way| way.pooled = true).is_some()
        });
    }

    /// Records that a call found the database unavailable, until the next probe.
    pub(crate) fn doubt(&self) {
        set(&self.reachable, false);
    }

    /// Completes when the probe finds that the database does not answer any more. A call that still waits
    /// then will not get its answer, while a slow one on a database that answers will.
    pub(crate) async fn silence(&self) {
        let mut answering = self.answering.subscribe();
        let begun = timeout(GRACE, answering.wait_for(|answers| *answers)).await;
        if begun.is_ok_and(|answers| answers.is_ok()) {
            let _ = answering.wait_for(|answers| !answers).await;
        }
    }

    /// Probes the database in a loop, and sets the options of new connections of the pool `of`, at the
    /// address `pool`. Runs until it is aborted.
    pub(crate) async fn probe(self: Arc<Self>, address: Address, pool: Address, of: PgPool) {
        let mut link = None;
        let mut outage = Outage::default();
        loop {
            let asked = timeout(PATIENCE, self.ask(&mut link, &address)).await;
            match asked.unwrap_or(Err(Reason::Silent)) {
                Ok(way) => {
                    self.learn(way, &pool, &of);
                    set(&self.reachable, true);
                    outage.is_over();
                    if set(&self.answering, true) {
                        tracing::info!("the database answers");
                    }
                    sleep(PERIOD).await;
                }
                Err(reason) => {
                    // The next probe reconnects: on this connection an answer may be outstanding for ever.
                    link = None;
                    set(&self.reachable, false);
                    set(&self.answering, false);
                    outage.say(&reason);
                    self.refuse(reason);
                    sleep(RETRY).await;
                }
            }
        }
    }

    /// Probes on the open connection, or on a new one if that has broken: a broken connection alone does not
    /// mean that the database is unavailable, and must not fail every call in flight. Returns the options of
    /// a new one.
    async fn ask(
        &self,
        link: &mut Option<PgConnection>,
        address: &Address,
    ) -> Result<Option<Way>, Reason> {
        if let Some(connection) = link
            && connection.ping().await.is_ok()
        {
            return Ok(None);
        }
        *link = None;
        let mut first = address.first();
        first.pooled |= *self.pooled.borrow();
        let (mut connection, mut way) = address.connect(first).await?;
        let found = look(&mut connection).await?;
        found.fit()?;
        // A pooler may also drop startup parameters silently.
        way.pooled |= !found.direct;
        *link = Some(connection);
        Ok(Some(way))
    }

    /// Makes the pool connect with the options of the new connection.
    fn learn(&self, way: Option<Way>, pool: &Address, of: &PgPool) {
        let Some(way) = way else { return };
        let known = *self.way.borrow();
        if known != Some(way) {
            if way.pooled {
                tracing::info!(
                    "a pooler is in front of the database: statements are not kept prepared"
                );
            }
            of.set_connect_options(pool.options(way));
            self.way.send_replace(Some(way));
        }
    }

    /// Reports a setting error as final, if the database was not usable before.
    fn refuse(&self, reason: Reason) {
        let error = StoreError::Use(reason.into());
        if self.way.borrow().is_none() && error.is_setting() {
            self.refusal.send_replace(Some(Arc::new(error)));
        }
    }
}

/// Reasons that were logged during the current outage.
#[derive(Default)]
struct Outage(BTreeSet<String>);

impl Outage {
    /// Logs why the database is unavailable: each reason once an outage as a warning, repetitions at debug
    /// level.
    fn say(&mut self, reason: &Reason) {
        let reason = reason.to_string();
        if self.0.len() < REASONS && self.0.insert(reason.clone()) {
            tracing::warn!("the database cannot be used: {reason}");
        } else {
            tracing::debug!("the database still cannot be used: {reason}");
        }
    }

    fn is_over(&mut self) {
        self.0.clear();
    }
}

/// Sets the flag, wakes its receivers if that changes it, and returns whether it did.
fn set(flag: &watch::Sender<bool>, value: bool) -> bool {
    flag.send_if_modified(|flag| std::mem::replace(flag, value) != value)
}
