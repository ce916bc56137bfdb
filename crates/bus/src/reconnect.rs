//! The choice of the broker's server to dial and of the credentials for it, and the log when none is
//! reached.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_nats::{Auth, ReconnectToServer, Server, ServerAddr};
use percent_encoding::percent_decode_str;
use tracing::{info, warn};

/// The longest pause between two attempts to connect, so that a broker that returns is found soon.
const MAX_BACKOFF: Duration = Duration::from_secs(1);

/// The dialling of one connection.
pub(crate) struct Dial {
    /// The servers in the address. A cluster makes others known.
    named: Vec<ServerAddr>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Number of attempts to connect since the last connection.
    attempts: usize,
    dialled: Option<ServerAddr>,
    /// The reason why there is no connection, as last logged.
    trouble: Option<String>,
}

impl Dial {
    pub(crate) fn new(named: Vec<ServerAddr>) -> Arc<Self> {
        Arc::new(Self {
            named,
            state: Mutex::default(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that holds it panics in between.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Chooses one of the known servers, at random among those that failed least often. Logs why none was
    /// reached when all have failed, and again when the reason changes.
    pub(crate) fn choose(&self, servers: &[Server]) -> Option<ReconnectToServer> {
        let mut state = self.state();
        if servers.iter().all(|server| server.failed_attempts > 0) {
            let mut troubles: Vec<_> = servers.iter().map(trouble).collect();
            troubles.sort_unstable();
            let trouble = troubles.join("; ");
            if state.trouble.as_ref() != Some(&trouble) {
                warn!("cannot reach the broker: {trouble}");
                state.trouble = Some(trouble);
            }
        }
        let fewest = servers.iter().map(|server| server.failed_attempts).min()?;
        let mut fresh = servers
            .iter()
            .filter(|server| server.failed_attempts == fewest);
        let count = fresh.clone().count();
        let chosen = fresh.nth(rand::random_range(0..count))?.addr.clone();
        state.attempts += 1;
        let delay = backoff(state.attempts.div_ceil(servers.len().max(1)));
        state.dialled = Some(chosen.clone());
        Some(ReconnectToServer {
            addr: chosen,
            delay: Some(delay),
        })
    }

    /// Returns the user and the password for the server that is dialled now: its own, or those of the
    /// first that has some.
    pub(crate) fn auth(&self) -> Auth {
        let state = self.state();
        let place = |server: &ServerAddr| (server.host().to_owned(), server.port());
        let dialled = state.dialled.as_ref().map(place);
        let own = self
            .named
            .iter()
            .find(|named| Some(place(named)) == dialled);
        let first = self.named.iter().find(|named| named.has_user_pass());
        let of = own.filter(|named| named.has_user_pass()).or(first);
        let plain = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let mut auth = Auth::new();
        auth.username = of.and_then(ServerAddr::username).map(plain);
        auth.password = of.and_then(ServerAddr::password).map(plain);
        auth
    }

    /// Logs that there is a connection, and forgets the failed attempts.
    pub(crate) fn connected(&self) {
        let mut state = self.state();
        let broker = state.dialled.as_ref().map(shown).unwrap_or_default();
        info!(broker, "connected to broker {broker}");
        *state = State {
            dialled: state.dialled.take(),
            ..State::default()
        };
    }

    /// Returns the server that was connected or dialled last.
    pub(crate) fn server(&self) -> String {
        self.state().dialled.as_ref().map(shown).unwrap_or_default()
    }

    /// Returns the reason why there is no connection, as last logged; the addresses, where nothing is
    /// known yet.
    pub(crate) fn trouble(&self) -> String {
        let named = || {
            let named: Vec<_> = self.named.iter().map(shown).collect();
            format!("{}: no answer yet", named.join(", "))
        };
        self.state().trouble.clone().unwrap_or_else(named)
    }
}

/// Returns the host and the port of an address, without user and password.
fn shown(server: &ServerAddr) -> String {
    let host = server.host();
    let port = server.port();
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

fn trouble(server: &Server) -> String {
    let reason = server.last_error.as_deref().unwrap_or("not reached");
    format!("{}: {reason}", shown(&server.addr))
}

/// The pause before the given attempt to connect: none, then growing from 50 ms.
fn backoff(attempt: usize) -> Duration {
    match attempt {
        0 | 1 => Duration::ZERO,
        attempt => {
            let doublings = u32::try_from(attempt - 2).unwrap_or(u32::MAX).min(10);
            Duration::from_millis(50)
                .saturating_mul(1 << doublings)
                .min(MAX_BACKOFF)
        }
    }
}
