//! The connection to the broker, which is made again whenever it is lost.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use async_nats::{Client, Event, connection::State, jetstream};
use tokio::{sync::watch, time::timeout};
use tracing::{debug, info, warn};

use crate::{
    access::Access,
    capacity::OverLimit,
    discovery::{Responder, ResponderGuard},
    reconnect::Dial,
    spans::Spans,
};

/// Time limit of one attempt to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Interval of the checks of an idle connection. A connection that swallows everything is given up after
/// two checks without an answer.
const PING_INTERVAL: Duration = Duration::from_secs(5);

/// Time limit for sent messages to reach the broker when the connection is closed.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);

/// A connection to the broker. Clones share it.
#[derive(Clone)]
pub struct Bus {
    pub(crate) client: Client,
    pub(crate) jetstream: jetstream::Context,
    pub(crate) service: Arc<str>,
    member: Arc<str>,
    pub(crate) connected: watch::Receiver<bool>,
    closed: watch::Receiver<bool>,
    dial: Arc<Dial>,
    pub(crate) crowded: Arc<OverLimit>,
    pub(crate) presence: Arc<Responder>,
    /// Makes spans, if this process traces.
    pub(crate) spans: Option<Arc<Spans>>,
    /// Answers service discovery until the last clone is dropped. `None` for clients that are no member.
    _shown: Option<Arc<ResponderGuard>>,
}

/// The error when a connection cannot even be tried.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address is not that of a NATS server.
    #[error("cannot read the broker's address")]
    Address(#[source] io::Error),
    /// A file that belongs to it cannot be used.
    #[error("cannot use the file `{}`", .0.display())]
    File(PathBuf, #[source] io::Error),
    /// The client refused its options.
    #[error("cannot start the broker's client")]
    Client(#[source] async_nats::ConnectError),
}

impl Bus {
    /// Connects to the broker at `url` as the member `member` of `service`. There may be several
    /// addresses of one cluster, divided by commas, each with user and password if it wants them. Files
    /// are named as in `tls://broker?ca=/ca.pem&creds=/me.creds`: `creds` or `nkey` for authentication,
    /// `ca`, `cert` and `key` for TLS.
    ///
    /// Returns at once, whether the broker answers or not: the connection is made in the background and
    /// again whenever it is lost. [`Bus::connected`] tells its state. From now on the member answers
    /// service discovery.
    pub async fn connect(url: &str, service: &str, member: &str) -> Result<Self, ConnectError> {
        let bus = Self::connect_observer(url, service, member).await?;
        let presence = Arc::clone(&bus.presence);
        let shown = presence.start(bus.client.clone());
        Ok(Self {
            _shown: Some(Arc::new(shown)),
            ..bus
        })
    }

    /// Connects like [`Bus::connect`], for a client that is no member of a service, such as a person's
    /// tool: nobody counts on it, and service discovery does not find it.
    pub async fn connect_observer(
        url: &str,
        service: &str,
        member: &str,
    ) -> Result<Self, ConnectError> {
        let access = Access::read(url)?;
        let dial = Dial::new(access.servers.clone());
        let (connected_tx, connected) = watch::channel(false);
        let (closed_tx, closed) = watch::channel(false);
        let (choosing, noting) = (Arc::clone(&dial), Arc::clone(&dial));
        let options = access
            .options(&dial)?
            .name(member)
            .custom_inbox_prefix(format!("_INBOX.{service}"))
            .retry_on_initial_connect()
            .connection_timeout(CONNECT_TIMEOUT)
            .ping_interval(PING_INTERVAL)
            .reconnect_to_server_callback(move |servers, _| {
                std::future::ready(choosing.choose(&servers))
            })
            .event_callback(move |event| {
                note(&event, &noting, &connected_tx, &closed_tx);
                std::future::ready(())
            });
        let spans = access.servers.first().and_then(Spans::of);
        let spans = spans.map(Arc::new);
        let client = options
            .connect(access.servers)
            .await
            .map_err(ConnectError::Client)?;
        Ok(Self {
            jetstream: jetstream::new(client.clone()),
            client,
            service: service.into(),
            member: member.into(),
            connected,
            closed,
            dial,
            crowded: Arc::default(),
            presence: Arc::new(Responder::new(service, member)),
            spans,
            _shown: None,
        })
    }

    /// Returns a receiver of whether the broker can be reached, as last seen.
    pub fn connected(&self) -> watch::Receiver<bool> {
        self.connected.clone()
    }

    /// Returns the reason why the broker cannot be reached, as last seen, with the addresses that were
    /// tried, and without passwords.
    pub fn disconnect_reason(&self) -> String {
        self.dial.trouble()
    }

    /// Returns the name of this member of its service.
    pub fn member(&self) -> &str {
        &self.member
    }

    /// Waits until the broker can be reached.
    ///
    /// Cancel safe: nothing is lost if this is dropped.
    pub async fn wait_connected(&self) {
        // The sender lives as long as the client, which `self` holds.
        let _ = self
            .connected
            .clone()
            .wait_for(|connected| *connected)
            .await;
    }

    /// Sends what is still to be sent and closes the connection, for every clone.
    ///
    /// Draining returns before it is done, so this waits for its end, 3 seconds at most.
    pub async fn close(&self) {
        if self.client.connection_state() != State::Connected || self.client.drain().await.is_err()
        {
            return;
        }
        let mut closed = self.closed.clone();
        if timeout(CLOSE_TIMEOUT, closed.wait_for(|closed| *closed))
            .await
            .is_err()
        {
            warn!("the broker's connection did not close in time");
        }
    }
}

fn note(event: &Event, dial: &Dial, connected: &watch::Sender<bool>, closed: &watch::Sender<bool>) {
    match event {
        Event::Connected => {
            dial.connected();
            connected.send_replace(true);
        }
        Event::Disconnected => {
            let broker = dial.server();
            warn!(broker, "lost the connection to broker {broker}");
            connected.send_replace(false);
        }
        Event::Closed => {
            connected.send_replace(false);
            closed.send_replace(true);
        }
        Event::SlowConsumer(_) => {
            metrics::counter!("bus_slow_consumer_total").increment(1);
            warn!("a subscription cannot keep up: the broker's messages for it were dropped");
        }
        // Comes with every attempt to connect. The outcome of the attempts is logged once, by `Dial`.
        Event::ClientError(error) if !*connected.borrow() => debug!("broker's client: {error}"),
        Event::ClientError(error) => warn!("broker's client: {error}"),
        Event::ServerError(error) => warn!("broker: {error}"),
        Event::Draining | Event::LameDuckMode => info!("broker: {event}"),
    }
}
