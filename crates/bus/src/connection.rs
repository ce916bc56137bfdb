//! The connection to the broker, which is made again whenever it is lost.

use std::{sync::Arc, time::Duration};

use async_nats::{Client, ConnectOptions, Event, ServerAddr, connection::State, jetstream};
use percent_encoding::percent_decode_str;
use tokio::{sync::watch, time::timeout};
use tracing::{info, warn};

use crate::{
    roll::{Presence, Shown},
    room::Crowded,
    spans::Spans,
};

/// How long one attempt to connect may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);

/// The longest pause between two attempts to connect, so that a broker that returns is found soon.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How often an idle connection is checked. A link that swallows everything is given up after
/// two checks without an answer.
const PING_INTERVAL: Duration = Duration::from_secs(5);

/// How long what was sent may take to reach the broker when the connection is closed.
const CLOSE_LIMIT: Duration = Duration::from_secs(3);

/// A connection to the broker. Clones share it.
#[derive(Clone)]
pub struct Bus {
    pub(crate) client: Client,
    pub(crate) jetstream: jetstream::Context,
    pub(crate) service: Arc<str>,
    member: Arc<str>,
    pub(crate) connected: watch::Receiver<bool>,
    closed: watch::Receiver<bool>,
    pub(crate) crowded: Arc<Crowded>,
    pub(crate) presence: Arc<Presence>,
    /// Makes spans, if this process traces.
    pub(crate) spans: Option<Arc<Spans>>,
    /// Ends with the last clone. Visitors have none.
    _shown: Option<Arc<Shown>>,
}

/// Why a connection cannot even be tried.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address is none of a NATS server.
    #[error("cannot read the broker's address")]
    Address(#[source] std::io::Error),
    /// The client refused its options.
    #[error("cannot start the broker's client")]
    Client(#[source] async_nats::ConnectError),
}

impl Bus {
    /// Connects to the broker at `url` (with user and password in it, if it wants them) as the
    /// member `member` of `service`.
    ///
    /// Returns at once, whether the broker answers or not: the connection is made in the background
    /// and again whenever it is lost. [`Bus::connected`] tells how it stands. From now on the
    /// member answers roll calls.
    pub async fn connect(url: &str, service: &str, member: &str) -> Result<Self, ConnectError> {
        let bus = Self::visit(url, service, member).await?;
        let presence = Arc::clone(&bus.presence);
        let shown = presence.show(bus.client.clone());
        Ok(Self {
            _shown: Some(Arc::new(shown)),
            ..bus
        })
    }

    /// As [`Bus::connect`], for somebody who is no member of a service, such as a person's tool:
    /// nobody counts on it, and roll calls do not hear of it.
    pub async fn visit(url: &str, service: &str, member: &str) -> Result<Self, ConnectError> {
        let address: ServerAddr = url.parse().map_err(ConnectError::Address)?;
        let host = format!("{}:{}", address.host(), address.port());
        let (connected_tx, connected) = watch::channel(false);
        let (closed_tx, closed) = watch::channel(false);
        let mut options = ConnectOptions::new()
            .name(member)
            .custom_inbox_prefix(format!("_INBOX.{service}"))
            .retry_on_initial_connect()
            .connection_timeout(CONNECT_LIMIT)
            .ping_interval(PING_INTERVAL)
            .reconnect_delay_callback(pause)
            .event_callback(move |event| {
                note(&event, &host, &connected_tx, &closed_tx);
                std::future::ready(())
            });
        if let (Some(user), Some(password)) = (address.username(), address.password()) {
            let plain = |text| percent_decode_str(text).decode_utf8_lossy().into_owned();
            options = options.user_and_password(plain(user), plain(password));
        }
        let spans = Spans::of(&address).map(Arc::new);
        let client = options
            .connect(address)
            .await
            .map_err(ConnectError::Client)?;
        Ok(Self {
            jetstream: jetstream::new(client.clone()),
            client,
            service: service.into(),
            member: member.into(),
            connected,
            closed,
            crowded: Arc::default(),
            presence: Arc::new(Presence::new(service, member)),
            spans,
            _shown: None,
        })
    }

    /// Whether the broker can be reached, as last seen.
    pub fn connected(&self) -> watch::Receiver<bool> {
        self.connected.clone()
    }

    /// Which member of its service this is.
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
    /// Draining returns before it is done, so this waits for the end of it, 3 seconds at most.
    pub async fn close(&self) {
        if self.client.connection_state() != State::Connected || self.client.drain().await.is_err()
        {
            return;
        }
        let mut closed = self.closed.clone();
        if timeout(CLOSE_LIMIT, closed.wait_for(|closed| *closed))
            .await
            .is_err()
        {
            warn!("the broker's connection did not close in time");
        }
    }
}

/// The pause before the given attempt to connect: none, then growing from 50 ms.
fn pause(attempt: usize) -> Duration {
    match attempt {
        0 | 1 => Duration::ZERO,
        attempt => {
            let doublings = u32::try_from(attempt - 2).unwrap_or(u32::MAX).min(10);
            Duration::from_millis(50)
                .saturating_mul(1 << doublings)
                .min(LONGEST_PAUSE)
        }
    }
}

fn note(event: &Event, host: &str, connected: &watch::Sender<bool>, closed: &watch::Sender<bool>) {
    match event {
        Event::Connected => {
            info!(broker = host, "connected to broker {host}");
            connected.send_replace(true);
        }
        Event::Disconnected => {
            warn!(broker = host, "lost the connection to broker {host}");
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
        Event::ClientError(error) => warn!("broker's client: {error}"),
        Event::ServerError(error) => warn!("broker: {error}"),
        Event::Draining | Event::LameDuckMode => info!("broker: {event}"),
    }
}
