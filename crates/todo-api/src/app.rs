//! State shared by the handlers: the broker to publish to and the database to read items from.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{extract::FromRequestParts, http::request::Parts};
use bus::{Bus, Replies, Stored};
use events::{Envelope, Event, EventId, ItemId, TraceContext, header};
use live::Hub;
use service::{http::RequestId, problem::Problem};
use store::{Absence, Database, Item, ItemStore, StoreError};
use time::OffsetDateTime;
use tokio::{
    sync::{Semaphore, watch},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    absent::{Keyed, no_item},
    batch::Places,
    condition::IfMatch,
    idempotent::Underway,
    watch::PROGRAMS,
};

/// Timeout of the query whether an item exists. A caller learns within 2 seconds whether a change was
/// accepted, and publishing may take most of that.
const EXISTENCE_LIMIT: Duration = Duration::from_millis(400);

/// Most requests that wait at a time until the item they read is saved.
const MOST_LOOKING: usize = 256;

/// Seconds after which a caller may retry, when a part of the system is unavailable.
pub(crate) const RETRY_AFTER_S: u32 = 1;

/// State of the routes. Clones share it.
#[derive(Clone)]
pub struct App {
    bus: Bus,
    pub(crate) replies: Replies,
    /// Cancelled at shutdown: from then on no request waits for a save.
    pub(crate) stop: CancellationToken,
    /// Ids derived from a key that were accepted lately.
    pub(crate) keyed: Arc<Keyed>,
    /// Permits for requests that wait until the item they read is saved.
    pub(crate) places_to_look: Arc<Semaphore>,
    pub(crate) batches: Places,
    pub(crate) hub: Arc<Hub>,
    items: ItemStore,
    reachable: watch::Receiver<bool>,
}

/// The request that an event comes from: it ties the event to the answer, to the logs and to a trace.
pub(crate) struct Cause {
    request: Option<String>,
    trace: Option<TraceContext>,
    /// If it has a key.
    pub(crate) underway: Option<Underway>,
}

impl App {
    /// An app that publishes to `bus` and reads the items in `database`. Callers who wait for the save
    /// of what they sent hear of it by `replies`, and are kept waiting until the `stop` at most.
    pub fn new(bus: Bus, replies: Replies, database: &Database, stop: CancellationToken) -> Self {
        Self {
            hub: Arc::new(Hub::new(bus.clone(), stop.clone(), PROGRAMS)),
            bus,
            replies,
            stop,
            keyed: Arc::default(),
            places_to_look: Arc::new(Semaphore::new(MOST_LOOKING)),
            batches: Places::default(),
            items: ItemStore::new(database.clone()),
            reachable: database.reachable(),
        }
    }

    /// Delivers saves to the subscribers of `GET /todo/events`, for ever; it rests while there is none.
    pub async fn watch(&self) {
        self.hub.run_while_watched().await;
    }

    /// The broker, for key-value entries.
    pub(crate) fn bus(&self) -> &Bus {
        &self.bus
    }

    /// Publishes a sealed event about `item`; it is stored when this returns well.
    pub(crate) async fn publish(
        &self,
        envelope: &Envelope,
        item: ItemId,
    ) -> Result<Stored, Problem> {
        match self.bus.publish(envelope).await {
            Ok(stored) => {
                info!(
                    event.id = %envelope.id,
                    item.id = %item,
                    request.id = request_of(envelope),
                    "accepted an event on {}", envelope.subject
                );
                Ok(stored)
            }
            Err(error) => {
                warn!(
                    event.id = %envelope.id,
                    request.id = request_of(envelope),
                    error = &error as &dyn std::error::Error,
                    "cannot publish on {}", envelope.subject
                );
                Err(not_accepted())
            }
        }
    }

    /// Publishes several sealed events concurrently. If it fails, some of them may be stored.
    pub(crate) async fn publish_all(&self, envelopes: &[Envelope]) -> Result<(), Problem> {
        self.bus.publish_all(envelopes).await.map_err(|error| {
            let cause = &error as &dyn std::error::Error;
            warn!(
                request.id = envelopes.first().and_then(request_of),
                error = cause,
                "cannot publish {} events",
                envelopes.len()
            );
            not_accepted()
        })
    }

    /// Queries the database, unless it is known to be unavailable: then it fails at once instead of after
    /// another timeout.
    pub(crate) async fn ask<T>(
        &self,
        question: impl AsyncFnOnce(&ItemStore) -> Result<T, StoreError>,
    ) -> Result<T, Problem> {
        if !*self.reachable.borrow() {
            return Err(away());
        }
        question(&self.items).await.map_err(|error| {
            if error.is_unavailable() {
                away().because(&error)
            } else {
                internal().because(&error)
            }
        })
    }

    /// Fails with 404 if the item `id` is not visible, and with 412 if its version does not meet `condition`.
    /// If the database cannot answer in time, the change goes on, since an event about an item that does not
    /// exist has no effect; with a condition it fails with 503.
    pub(crate) async fn expect(
        &self,
        id: ItemId,
        condition: &IfMatch,
        cause: &Cause,
    ) -> Result<(), Problem> {
        let looked = timeout(EXISTENCE_LIMIT, self.look(id)).await;
        if let Ok(Err(problem)) = &looked {
            problem.report(cause.request.as_deref().unwrap_or_default());
        }
        match looked {
            Ok(Ok(Ok(item))) => condition.hold(item.version),
            Ok(Ok(Err(absence))) => Err(self.absent(id, absence)),
            _ if condition.is_given() => Err(Problem::unavailable(
                RETRY_AFTER_S,
                "whether `If-Match` holds cannot be seen now; try again",
            )),
            _ => Ok(()),
        }
    }

    /// Reads the item, or the reason why it is not visible.
    pub(crate) async fn look(&self, id: ItemId) -> Result<Result<Item, Absence>, Problem> {
        let item = self.ask(async |items| items.get(id).await).await?;
        match item {
            Some(item) => Ok(Ok(item)),
            None => Ok(Err(self.ask(async |items| items.absence(id).await).await?)),
        }
    }
}

impl Cause {
    /// Seals an event that this request causes.
    pub(crate) fn seal<E: Event>(&self, event: &E, id: EventId, at: OffsetDateTime) -> Envelope {
        Envelope::seal(event, id, env!("CARGO_PKG_NAME"), at)
            .with(header::CORRELATION_ID, self.request.clone())
            .traced(self.trace.as_ref())
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
            underway: parts.extensions.get().cloned(),
        })
    }
}

/// The request that an event comes from.
fn request_of(envelope: &Envelope) -> Option<&str> {
    let headers = envelope.headers.iter();
    let mut requests = headers.filter(|(name, _)| *name == header::CORRELATION_ID);
    requests.next().map(|(_, request)| request.as_str())
}

/// Parses the item's id in a path. Text that is no identifier is 404, just like an id that no item ever had.
pub(crate) fn named(id: &str) -> Result<ItemId, Problem> {
    id.parse().map_err(|_| no_item())
}

pub(crate) fn not_accepted() -> Problem {
    Problem::unavailable(
        RETRY_AFTER_S,
        "this cannot be accepted now; send it again, with the same `Idempotency-Key` if you gave one",
    )
}

fn away() -> Problem {
    Problem::unavailable(
        RETRY_AFTER_S,
        "items cannot be read now, try again; adding and changing them still works",
    )
}

fn internal() -> Problem {
    Problem::new(axum::http::StatusCode::INTERNAL_SERVER_ERROR, "internal")
}
