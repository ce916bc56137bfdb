//! The handlers' shared state: the broker to publish to and the items to read.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{extract::FromRequestParts, http::request::Parts};
use bus::{Bus, PublishError};
use events::{Envelope, Event, EventId, ItemId, TraceContext, header};
use live::Hub;
use service::http::RequestId;
use store::{Database, History, ItemHistory, ItemStore, StoreError};
use time::OffsetDateTime;
use tokio::{sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::{live::BROWSERS, system::Lookout};

/// Timeout of the query whether an item exists. A visitor learns within 2 seconds whether a change was
/// accepted, and publishing may take most of that time.
const EXISTENCE_LIMIT: Duration = Duration::from_millis(400);

/// The shared state of the routes.
pub struct App {
    bus: Bus,
    items: ItemStore,
    past: ItemHistory,
    reachable: watch::Receiver<bool>,
    hub: Arc<Hub>,
    lookout: Arc<Lookout>,
    stop: CancellationToken,
}

/// The request that an event comes from: it ties the event to the answer, to the logs and to a trace.
pub(crate) struct Cause {
    request: Option<String>,
    trace: Option<TraceContext>,
}

/// Reasons why an event is not known to be stored. Sending the same form again makes no second event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotAccepted {
    /// The broker cannot be reached, or is not ready.
    Away,
    /// The stream has no capacity for more events.
    Full,
    /// The broker did not acknowledge the event in time; it may be stored.
    Unconfirmed,
}

/// Reasons why a query had no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// The database is unavailable, or does not answer in time.
    Away,
    /// The database rejects the statement, which a retry will not change.
    Broken,
}

impl App {
    /// Returns an app that publishes to `bus` and reads the items in `database`. Its unending responses
    /// (server-sent events) end when `stop` is cancelled.
    pub fn new(bus: Bus, database: &Database, stop: CancellationToken) -> Self {
        Self {
            items: ItemStore::new(database.clone()),
            past: ItemHistory::new(database.clone()),
            reachable: database.reachable(),
            hub: Arc::new(Hub::new(bus.clone(), stop.clone(), BROWSERS)),
            lookout: Arc::new(Lookout::new(bus.clone(), database.reachable())),
            stop,
            bus,
        }
    }

    /// Pushes saved changes and the state of the system to subscribed browsers; never ends by itself.
    pub fn watch(&self) -> impl Future<Output = ()> + use<> {
        let (hub, lookout) = (Arc::clone(&self.hub), Arc::clone(&self.lookout));
        async move {
            tokio::join!(hub.run(), lookout.run());
        }
    }

    /// The hub through which browsers get saved changes, with its position in the stream.
    pub(crate) fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// The monitor of the whole system.
    pub(crate) fn lookout(&self) -> &Lookout {
        &self.lookout
    }

    /// The token whose cancellation ends responses that have no end of their own.
    pub(crate) fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// Publishes an event about `item`; it is stored when this returns `Ok`.
    pub(crate) async fn publish<E: Event>(
        &self,
        event: &E,
        id: EventId,
        item: ItemId,
        cause: &Cause,
    ) -> Result<(), NotAccepted> {
        let envelope = Envelope::seal(event, id, env!("CARGO_PKG_NAME"), OffsetDateTime::now_utc())
            .with(header::CORRELATION_ID, cause.request.clone())
            .traced(cause.trace.as_ref());
        match self.bus.publish(&envelope).await {
            Ok(_) => {
                info!(event.id = %envelope.id, item.id = %item, "accepted {}", E::TYPE);
                Ok(())
            }
            Err(error) => {
                warn!(
                    event.id = %envelope.id,
                    error = &error as &dyn std::error::Error,
                    "cannot publish {}", E::TYPE
                );
                Err(error.into())
            }
        }
    }

    /// Queries the database. Fails at once, without waiting for a timeout, while the database is known to be
    /// unavailable.
    pub(crate) async fn ask<T>(
        &self,
        question: impl AsyncFnOnce(&ItemStore) -> Result<T, StoreError>,
    ) -> Result<T, Unread> {
        if !*self.reachable.borrow() {
            return Err(Unread::Away);
        }
        question(&self.items).await.map_err(Unread::from)
    }

    /// The newest events about an item, as far as the audit has them.
    pub(crate) async fn history(&self, item: ItemId, limit: u32) -> Result<History, Unread> {
        self.past.of(item, limit).await.map_err(Unread::from)
    }

    /// Returns whether the database has no item `id`: false also if it does not answer in time. Then the
    /// change is published anyway: an event about an item that does not exist has no effect.
    pub(crate) async fn is_unknown(&self, id: ItemId) -> bool {
        let known = self.ask(async |items| items.get(id).await);
        matches!(timeout(EXISTENCE_LIMIT, known).await, Ok(Ok(None)))
    }
}

impl From<PublishError> for NotAccepted {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Unconfirmed => Self::Unconfirmed,
            PublishError::Full | PublishError::Refused { .. } => Self::Full,
            // No stream answers while the brokers elect its leader.
            _ => Self::Away,
        }
    }
}

impl From<StoreError> for Unread {
    /// Logs why the query had no result. An unavailable database is only a warning, since it is no fault of
    /// this service.
    fn from(error: StoreError) -> Self {
        let cause = &error as &dyn std::error::Error;
        if error.is_unavailable() {
            warn!(error = cause, "the database is away");
            Self::Away
        } else {
            error!(error = cause, "the database refused to answer");
            Self::Broken
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Cause {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let id = parts.extensions.get::<RequestId>();
        let header = |name| parts.headers.get(name)?.to_str().ok();
        let trace = header(header::TRACE_PARENT)
            .and_then(|parent| TraceContext::parse(parent, header(header::TRACE_STATE)));
        Ok(Self {
            request: id.map(|id| id.as_str().to_owned()),
            trace,
        })
    }
}
