//! Free and taken ports on loopback.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::{Context, Result};

/// The lowest port that is chosen; well-known programs listen on those below.
const LOWEST: u16 = 15_000;

/// Returns the address of `port` on loopback.
pub fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// Returns a port that is free now. Another process may take it before it is used, so the caller has to
/// be ready to ask again.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(loopback(0)).context("no free port on loopback")?;
    Ok(listener.local_addr()?.port())
}

/// Returns a free port below the kernel's ephemeral range, if there is room: unlike one of
/// [`free_port`], the kernel never gives it to an outgoing connection, so that it stays free while
/// nobody listens on it.
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

/// Returns whether nobody listens on `port`.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind(loopback(port)).is_ok()
}
