//! Whether the database answers, found out by a connection that does nothing else.

use std::{sync::Arc, time::Duration};

use sqlx::{ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};
use tokio::{
    sync::watch,
    time::{error::Elapsed, sleep, timeout},
};

/// How often a database that answers is asked.
const PERIOD: Duration = Duration::from_secs(1);
/// How often one that does not answer is tried, so that work goes on soon after an outage.
const RETRY: Duration = Duration::from_millis(500);
/// How long an answer may take, connecting included.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long a call that begins in silence waits for the first answer. It covers a probe that
/// was waiting for its next turn when the database came back.
const GRACE: Duration = Duration::from_millis(2_500);

/// What is known of the database.
pub(crate) struct Health {
    /// For others: what the probe found, or that a call has failed since.
    reachable: watch::Sender<bool>,
    /// For calls in flight: what the probe found. A failed call does not speak for the others.
    answering: watch::Sender<bool>,
}

impl Health {
    /// Nothing is known until the first answer.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            reachable: watch::Sender::new(false),
            answering: watch::Sender::new(false),
        })
    }

    pub(crate) fn reachable(&self) -> watch::Receiver<bool> {
        self.reachable.subscribe()
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

    /// Asks the database over and over. Runs until it is aborted.
    pub(crate) async fn probe(self: Arc<Self>, options: PgConnectOptions) {
        let mut link = None;
        loop {
            match timeout(PATIENCE, ask(&mut link, &options)).await {
                Ok(Ok(())) => {
                    set(&self.reachable, true);
                    if set(&self.answering, true) {
                        tracing::info!("the database answers");
                    }
                    sleep(PERIOD).await;
                }
                failure => {
                    // The next try starts afresh: this connection may be owed an answer for ever.
                    link = None;
                    set(&self.reachable, false);
                    let was_answering = set(&self.answering, false);
                    log(failure, was_answering);
                    sleep(RETRY).await;
                }
            }
        }
    }
}

/// Sets the flag, wakes those who wait if that changes it, and tells whether it did.
fn set(flag: &watch::Sender<bool>, value: bool) -> bool {
    flag.send_if_modified(|flag| std::mem::replace(flag, value) != value)
}

/// Asks on the link, or on a new one if the old one has broken: that alone does not mean that the
/// database is away, and would fail every call in flight.
async fn ask(
    link: &mut Option<PgConnection>,
    options: &PgConnectOptions,
) -> Result<(), sqlx::Error> {
    if let Some(connection) = link
        && connection.ping().await.is_ok()
    {
        return Ok(());
    }
    *link = None;
    *link = Some(options.connect().await?);
    Ok(())
}

/// Says once per outage that the database is away; what follows is for those who look closely.
fn log(failure: Result<Result<(), sqlx::Error>, Elapsed>, first: bool) {
    let error = match failure {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {PATIENCE:?}"),
    };
    if first {
        tracing::warn!(error, "the database does not answer");
    } else {
        tracing::debug!(error, "the database still does not answer");
    }
}
