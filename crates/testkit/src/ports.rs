//! Free and taken ports on loopback.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::{Context, Result};

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

/// Whether nobody listens on `port`.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind(loopback(port)).is_ok()
}
