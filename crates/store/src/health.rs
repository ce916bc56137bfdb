//! Whether the database answers, found out by a connection that does nothing else.

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

/// How often a database that answers is asked.
const PERIOD: Duration = Duration::from_secs(1);
/// How often one that does not answer is tried, so that work goes on soon after an outage.
const RETRY: Duration = Duration::from_millis(500);
/// How long an answer may take, connecting included.
const PATIENCE: Duration = Duration::from_secs(1);
/// How many reasons of one outage are said.
const REASONS: usize = 5;
/// How long a call that begins in silence waits for the first answer. It covers a probe that
/// was waiting for its next turn when the database came back.
const GRACE: Duration = Duration::from_millis(2_500);

/// What is known of the database.
pub(crate) struct Health {
    /// For others: what the probe found, or that a call has failed since.
    reachable: watch::Sender<bool>,
    /// For calls in flight: what the probe found. A failed call does not speak for the others.
    answering: watch::Sender<bool>,
    /// How connections are made; none before the first.
    way: watch::Sender<Option<Way>>,
    /// Whether a call found that a pooler stands in front, one that does not show when connecting.
    pooled: watch::Sender<bool>,
    /// Why the database cannot be used as it is set, if that showed before it could ever be used.
    refusal: watch::Sender<Option<Arc<StoreError>>>,
}

impl Health {
    /// Nothing is known until the first answer.
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

    /// How connections are made, as soon as that is known.
    pub(crate) async fn way(&self) -> Way {
        if let Some(way) = *self.way.borrow() {
            return way;
        }
        let mut known = self.way.subscribe();
        let way = known.wait_for(Option::is_some).await;
        // The sender is this one's own.
        way.ok().and_then(|way| *way).expect("it is there now")
    }

    /// Takes note that prepared statements get lost, or come from others, as behind a pooler that gives
    /// each transaction another connection.
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

    /// Takes note that a call found the database unavailable. The probe has the last word.
    pub(crate) fn doubt(&self) {
        set(&self.reachable, false);
    }

    /// Ends when the database has fallen silent. A call that is still waiting then will not get
    /// its answer, while one that is slow on a database that answers will.
    pub(crate) async fn silence(&self) {
        let mut answering = self.answering.subscribe();
        let begun = timeout(GRACE, answering.wait_for(|answers| *answers)).await;
        if begun.is_ok_and(|answers| answers.is_ok()) {
            let _ = answering.wait_for(|answers| !answers).await;
        }
    }

    /// Asks the database over and over, and tells `pool` how connections are made. Runs until it is
    /// aborted.
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
                    // The next try starts afresh: this connection may be owed an answer for ever.
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

    /// Asks on the link, or on a new one if the old one has broken: that alone does not mean that the
    /// database is away, and would fail every call in flight. Tells how a new one was made.
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
        // A pooler may also throw away what it does not know.
        way.pooled |= !found.direct;
        *link = Some(connection);
        Ok(Some(way))
    }

    /// Has the pool make its connections as this one was made.
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

    /// Before the database was of any use, a setting's fault is one to end of.
    fn refuse(&self, reason: Reason) {
        let error = StoreError::Use(reason.into());
        if self.way.borrow().is_none() && error.is_setting() {
            self.refusal.send_replace(Some(Arc::new(error)));
        }
    }
}

/// What was said of an outage so far.
#[derive(Default)]
struct Outage(BTreeSet<String>);

impl Outage {
    /// Says why the database is away: each reason once an outage, and what follows is for those who look
    /// closely.
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

/// Sets the flag, wakes those who wait if that changes it, and tells whether it did.
fn set(flag: &watch::Sender<bool>, value: bool) -> bool {
    flag.send_if_modified(|flag| std::mem::replace(flag, value) != value)
}
