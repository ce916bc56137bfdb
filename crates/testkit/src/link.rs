//! A network link that can be cut, stalled and slowed: a TCP proxy on loopback.
//!
//! Killing a server tests one kind of outage. A link that passes nothing while both ends believe
//! that they are connected tests the other one, which is the one that hurts.

mod pump;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use url::Url;

use crate::ports::loopback;
use pump::pump;

/// State of the link, which each connection through it obeys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Flow {
    stalled: bool,
    delay: Duration,
    /// Number of times that the open connections were abandoned; see [`Link::strand`].
    deaths: u32,
}

impl Flow {
    /// Returns whether a connection that was opened after `deaths` such times passes anything.
    fn passes(self, deaths: u32) -> bool {
        !self.stalled && self.deaths <= deaths
    }
}

/// A command to the link's task, which answers when it is done.
enum Order {
    Cut(oneshot::Sender<()>),
    Listen(oneshot::Sender<()>),
}

/// A link to a server. Dropping it closes all connections through it.
pub struct Link {
    address: SocketAddr,
    flow: watch::Sender<Flow>,
    orders: mpsc::Sender<Order>,
    task: JoinHandle<()>,
}

impl Link {
    /// Opens a link to `target`: a URL, or a host with a port.
    pub async fn start(target: &str) -> Result<Self> {
        let target = host_and_port(target)?;
        let listener = TcpListener::bind(loopback(0)).await?;
        let address = listener.local_addr()?;
        let (flow, flow_of_each) = watch::channel(Flow::default());
        let (orders, inbox) = mpsc::channel(1);
        let task = tokio::spawn(serve(listener, target, flow_of_each, inbox));
        Ok(Self {
            address,
            flow,
            orders,
            task,
        })
    }

    /// Returns the near end's address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns `original` with this link's address in place of the server's.
    ///
    /// # Panics
    /// If `original` is no URL with a host.
    pub fn url(&self, original: &str) -> String {
        let through = Url::parse(original).ok().and_then(|mut url| {
            url.set_host(Some(&self.address.ip().to_string())).ok()?;
            url.set_port(Some(self.address.port())).ok()?;
            Some(url.to_string())
        });
        match through {
            Some(url) => url,
            None => panic!("`{original}` is no URL with a host"),
        }
    }

    /// Closes all connections and refuses new ones, until [`restore`](Self::restore).
    pub async fn cut(&self) {
        self.order(Order::Cut).await;
    }

    /// Passes nothing any more; connections stay open and new ones are accepted, until
    /// [`restore`](Self::restore). What was sent meanwhile arrives then.
    pub fn stall(&self) {
        self.flow.send_modify(|flow| flow.stalled = true);
    }

    /// Passes nothing any more over the open connections, which stay open; new ones work as usual. It is
    /// what happens when a firewall or an address translator in between has forgotten them.
    pub fn strand(&self) {
        self.flow.send_modify(|flow| flow.deaths += 1);
    }

    /// Delays everything by `delay`, in each direction.
    pub fn delay(&self, delay: Duration) {
        self.flow.send_modify(|flow| flow.delay = delay);
    }

    /// Restores the link on the same port, without stall or delay.
    pub async fn restore(&self) {
        self.flow.send_replace(Flow::default());
        self.order(Order::Listen).await;
    }

    async fn order(&self, order: impl FnOnce(oneshot::Sender<()>) -> Order) {
        let (done, answer) = oneshot::channel();
        if self.orders.send(order(done)).await.is_ok() {
            drop(answer.await);
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    listener: TcpListener,
    target: String,
    flow: watch::Receiver<Flow>,
    mut orders: mpsc::Receiver<Order>,
) {
    let Ok(address) = listener.local_addr() else {
        return;
    };
    let mut listener = Some(listener);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                Some(Order::Cut(done)) => {
                    listener = None;
                    connections.shutdown().await;
                    let _ = done.send(());
                }
                Some(Order::Listen(done)) => {
                    if listener.is_none() {
                        listener = Some(bind_again(address).await);
                    }
                    let _ = done.send(());
                }
                None => return,
            },
            near = accept(listener.as_ref()) => {
                connections.spawn(connect(near, target.clone(), flow.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Accepts the next connection; pending while the link is cut.
async fn accept(listener: Option<&TcpListener>) -> TcpStream {
    let Some(listener) = listener else {
        return std::future::pending().await;
    };
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            return stream;
        }
    }
}

/// Listens on the old port again, retrying while another process holds it.
async fn bind_again(address: SocketAddr) -> TcpListener {
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => return listener,
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn connect(near: TcpStream, target: String, flow: watch::Receiver<Flow>) {
    // A server that is down looks like a connection that was accepted and closed.
    let Ok(far) = TcpStream::connect(target).await else {
        return;
    };
    drop(near.set_nodelay(true));
    drop(far.set_nodelay(true));
    let (near_in, near_out) = near.into_split();
    let (far_in, far_out) = far.into_split();
    tokio::join!(
        pump(near_in, far_out, flow.clone()),
        pump(far_in, near_out, flow)
    );
}

fn host_and_port(target: &str) -> Result<String> {
    if target.parse::<SocketAddr>().is_ok() {
        return Ok(target.to_owned());
    }
    let url = Url::parse(target).with_context(|| format!("`{target}` is no URL"))?;
    let host = url
        .host_str()
        .with_context(|| format!("`{target}` has no host"))?;
    let port = url.port_or_known_default().or(match url.scheme() {
        "nats" => Some(4222),
        "postgres" | "postgresql" => Some(5432),
        _ => None,
    });
    let port = port.with_context(|| format!("`{target}` has no port"))?;
    Ok(format!("{host}:{port}"))
}
