//! Free and taken ports on loopback.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::{Context, Result};

/// Below are the ports that well-known programs listen on.
const LOWEST: u16 = 15_000;

/// The address of `port` on loopback.
pub fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// A port that the kernel says is free now. Somebody may take it before it is used, so that whoever
/// asks has to be ready to ask again.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(loopback(0)).context("no free port on loopback")?;
    Ok(listener.local_addr()?.port())
}

/// A free port that stays so while nobody listens on it: the kernel gives it to no connection that goes
/// out, as it may those of [`free_port`].
pub fn durable_port() -> Result<u16> {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let first = range.split_whitespace().next();
    let outgoing = first.and_then(|first| first.parse().ok()).unwrap_or(32768);
    if outgoing < LOWEST + 1000 {
        return free_port();
    }
    for _ in 0..1000 {
        let drawn = uuid::Uuid::new_v4().as_u128() % u128::from(outgoing - LOWEST);
        let port = LOWEST + u16::try_from(drawn)?;
        if is_free(port) {
            return Ok(port);
        }
    }
    free_port()
}

/// Whether nobody listens on `port`.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind(loopback(port)).is_ok()
}
