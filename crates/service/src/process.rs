//! The life of a process: from the command line to the exit code.

use std::{
    net::SocketAddr,
    process::ExitCode,
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::Context;
use axum::Router;
use clap::{Args, FromArgMatches};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::{
    address::{Address, Kind},
    command_line::{self, command, read, refuse},
    health::{self, Readiness},
    healthcheck, http,
    key_files::KeyFiles,
    open_files, server,
    settings::Common,
    telemetry,
};

/// From how many sockets the one thread takes what has come before it works on that. What a few requests
/// publish is then on its way to the broker while the next are read. Taken all at once, they would also be
/// sent on all at once, and the thread and the broker would wait for each other by turns.
const SOCKETS_AT_A_TIME: usize = 24;

/// How long a stop may take before the process ends without its work being done.
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// How long a process may take to end when it has closed what it used, for instance after a failure.
const FAREWELL: Duration = Duration::from_secs(1);

/// A process that is about to start: what is known of it at compile time.
pub struct Named {
    name: &'static str,
    http_addr: Option<&'static str>,
}

/// Names the process. The name is the crate's, the binary's, the image's, the compose
/// service's, the subscriber group's and the one in the logs.
pub fn named(name: &'static str) -> Named {
    Named {
        name,
        http_addr: None,
    }
}

impl Named {
    /// Sets where the process listens for HTTP if `HTTP_ADDR` does not say.
    #[must_use]
    pub fn listening_on(self, http_addr: &'static str) -> Self {
        Self {
            http_addr: Some(http_addr),
            ..self
        }
    }

    /// Has `/metrics` show a gauge no more that was not set for this time, for a process that sets all that it knows
    /// again and again.
    #[must_use]
    pub fn expiring_gauges(self, after: Duration) -> Self {
        telemetry::expire_gauges(after);
        self
    }

    /// Reads the settings, starts the logs and traces, and runs `main` until it returns.
    ///
    /// `SIGTERM` or `SIGINT` asks it to: [`Service::stop`] is cancelled. A second signal, or 20
    /// seconds, insists. The exit code is 0 after a stop that was asked for, 1 after a failure
    /// and 2 if a setting is wrong.
    pub fn run<S, F, Fut>(self, main: F) -> ExitCode
    where
        S: Args,
        F: FnOnce(Service, S) -> Fut,
        Fut: Future<Output = anyhow::Result<()>>,
    {
        let command = command::<S>(self.name, self.http_addr);
        let matches = match read(command) {
            Ok(matches) => matches,
            Err(refused) => return refused,
        };
        let (common, own) = match (
            Common::from_arg_matches(&matches),
            S::from_arg_matches(&matches),
        ) {
            (Ok(common), Ok(own)) => (common, own),
            (Err(error), _) | (_, Err(error)) => return refuse(&error),
        };
        if command_line::is_healthcheck(&matches) {
            return healthcheck::run(common.http_addr);
        }
        let service = Service::new(self.name, &common);
        if let Err(reason) = telemetry::init_logs(&service.name, &service.member, &common) {
            eprintln!("error: RUST_LOG: {reason}");
            return ExitCode::from(2);
        }
        open_files::raise_limit();
        let traces = match telemetry::init_traces(&service.name, &service.member, &common) {
            Ok(traces) => traces,
            Err(reason) => {
                eprintln!("error: OTEL_EXPORTER_OTLP_ENDPOINT: {reason}");
                return ExitCode::from(2);
            }
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_io_events_per_tick(SOCKETS_AT_A_TIME)
            .build();
        let ended = match runtime {
            Ok(runtime) => runtime.block_on(service.live(main, own)),
            Err(error) => {
                error!(%error, "cannot start the runtime");
                ExitCode::FAILURE
            }
        };
        if let Some(traces) = traces {
            traces.finish();
        }
        ended
    }
}

/// A running process, as its own `run` sees it.
#[derive(Clone)]
pub struct Service {
    name: String,
    member: String,
    password: String,
    key_files: KeyFiles,
    http_addr: SocketAddr,
    stop: CancellationToken,
    readiness: Arc<Mutex<Readiness>>,
    /// The outside thing that nobody cares for any more.
    died: watch::Sender<Option<&'static str>>,
}

impl Service {
    fn new(name: &str, common: &Common) -> Self {
        let member = common.member.clone().unwrap_or_else(|| {
            let host = gethostname::gethostname();
            format!("{}-{}", host.to_string_lossy(), std::process::id())
        });
        Self {
            name: name.to_owned(),
            member,
            password: common.password.clone().unwrap_or_else(|| name.to_owned()),
            key_files: common.key_files.clone(),
            http_addr: common.http_addr,
            stop: CancellationToken::new(),
            readiness: Arc::default(),
            died: watch::Sender::new(None),
        }
    }

    /// The service's name, which is also its group's.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Which of the service's processes this is.
    pub fn member(&self) -> &str {
        &self.member
    }

    /// The address with this service's name and password, unless it names a user itself; at the broker, also unless
    /// a file tells who this is. A password that is the one for development is warned of.
    pub fn sign<K: Kind>(&self, address: &Address<K>) -> Address<K> {
        let signed = address.signed(&self.name, &self.password, &self.key_files);
        if signed.is_for_development() {
            warn!("using the development password at {signed:?}; set another as PASSWORD");
        }
        signed
    }

    /// Is cancelled when the process is asked to stop.
    pub fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Makes readiness depend on `state`, the cached state of the outside thing `what`. Needs a runtime.
    ///
    /// If nobody is left who could change the state, whoever cared for the thing has died, and the
    /// process would wait for it for ever: it fails, so that its supervisor starts it again.
    pub fn ready_when(&self, what: &'static str, state: watch::Receiver<bool>) {
        health::lock(&self.readiness).depends_on(what, state.clone());
        tokio::spawn(self.clone().expect_alive(what, state));
    }

    async fn expect_alive(self, what: &'static str, mut state: watch::Receiver<bool>) {
        while state.changed().await.is_ok() {}
        // A process that is ending needs nothing any more.
        tokio::time::sleep(FAREWELL).await;
        if !self.stop.is_cancelled() {
            self.died.send_if_modified(|died| {
                died.get_or_insert(what);
                true
            });
        }
    }

    /// Serves `routes`, if there are any [`fronted`](http::fronted), and, beside them, `/healthz`, `/readyz`
    /// and `/metrics`, until the stop.
    ///
    /// Requests that are open then have 10 seconds to end.
    pub async fn serve(&self, routes: Router) -> anyhow::Result<()> {
        let listener = TcpListener::bind(self.http_addr)
            .await
            .with_context(|| format!("cannot listen on {} (HTTP_ADDR)", self.http_addr))?;
        let address = listener.local_addr().context("a listener has an address")?;
        info!(http.addr = %address, "listening for HTTP on {address}");
        let app = http::observed(self.operations()).merge(routes);
        server::serve(listener, app, self.stop.clone()).await;
        Ok(())
    }

    fn operations(&self) -> Router {
        health::routes(Arc::clone(&self.readiness), self.stop.clone()).merge(telemetry::routes())
    }

    async fn live<S, F, Fut>(self, main: F, own: S) -> ExitCode
    where
        F: FnOnce(Service, S) -> Fut,
        Fut: Future<Output = anyhow::Result<()>>,
    {
        info!(
            version = env!("CARGO_PKG_VERSION"),
            "starting as member {}", self.member
        );
        let signals = match Signals::listen() {
            Ok(signals) => signals,
            Err(error) => {
                error!("cannot listen to signals: {error}");
                return ExitCode::FAILURE;
            }
        };
        let (stop, mut died) = (self.stop.clone(), self.died.subscribe());
        let run = main(self, own);
        tokio::select! {
            result = run => match result {
                Ok(()) => {
                    info!("stopped");
                    ExitCode::SUCCESS
                }
                Err(error) => {
                    error!("failed: {error:#}");
                    ExitCode::FAILURE
                }
            },
            () = signals.insist(stop) => ExitCode::FAILURE,
            Ok(what) = died.wait_for(Option::is_some) => {
                error!("failed: nothing looks after the {} any more", what.unwrap_or_default());
                ExitCode::FAILURE
            }
        }
    }
}

/// The signals that ask a process to stop.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From here on a signal no longer ends the process by itself. Needs a runtime.
    pub(crate) fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// Turns the first signal into the stop, and returns when it was not heeded: at the second
    /// signal or after [`STOP_LIMIT`].
    pub(crate) async fn insist(mut self, stop: CancellationToken) {
        self.next().await;
        info!("stopping");
        stop.cancel();
        tokio::select! {
            () = self.next() => warn!("second signal: ending with work undone"),
            () = tokio::time::sleep(STOP_LIMIT) => {
                warn!("not stopped after {} s: ending with work undone", STOP_LIMIT.as_secs());
            }
        }
    }
}
