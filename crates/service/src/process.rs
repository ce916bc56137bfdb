//! The life of a process: from the command line to the exit code.

use std::{
    error::Error,
    fmt, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::Context;
use axum::Router;
use clap::{Args, FromArgMatches};
use tokio::{net::TcpListener, sync::watch};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::{
    address::{Address, Kind},
    command_line::{self, command, read, refuse},
    health::{self, Check, Readiness, Requirement},
    healthcheck, http,
    key_files::KeyFiles,
    open_files,
    server::{self, ConnectionTimeouts},
    settings::Common,
    signals::Signals,
    telemetry,
};

/// Number of sockets that tokio polls before it runs tasks (`max_io_events_per_tick`). The messages of the
/// first requests are then on their way to the broker while the next requests are read. With the default
/// (1024), all requests would be read at once and all messages sent at once, and this one thread and the
/// broker would wait for each other in turns.
const MAX_IO_EVENTS_PER_TICK: usize = 24;

/// Time that a process may take to exit when it has closed its connections, for instance after a failure.
const EXIT_TIMEOUT: Duration = Duration::from_secs(1);

/// A process that is about to start: the properties that are known at compile time.
pub struct ServiceBuilder {
    name: &'static str,
    http_addr: Option<&'static str>,
}

/// Describes a process by its name, which is the crate's, the binary's, the image's, the compose
/// service's, the group's and the one in the logs.
pub fn named(name: &'static str) -> ServiceBuilder {
    ServiceBuilder {
        name,
        http_addr: None,
    }
}

impl ServiceBuilder {
    /// Sets the address on which the process listens for HTTP if `HTTP_ADDR` is not set.
    #[must_use]
    pub fn listening_on(self, http_addr: &'static str) -> Self {
        Self {
            http_addr: Some(http_addr),
            ..self
        }
    }

    /// Removes a gauge from `/metrics` when it was not set for this time, for a process that sets all its
    /// gauges again and again.
    #[must_use]
    pub fn expiring_gauges(self, after: Duration) -> Self {
        telemetry::expire_gauges(after);
        self
    }

    /// Reads the settings, starts the logs and traces, and runs `main` until it returns.
    ///
    /// `SIGTERM` or `SIGINT` requests shutdown: [`Service::stop`] is cancelled. A second signal, or 20
    /// seconds, ends the process with work undone. The exit code is 0 after a graceful shutdown, 1 after a
    /// failure or a forced exit, and 2 if a setting is wrong.
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
            .max_io_events_per_tick(MAX_IO_EVENTS_PER_TICK)
            .build();
        let ended = match runtime {
            Ok(runtime) => runtime.block_on(service.run_to_end(main, own)),
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
    address_file: Option<PathBuf>,
    patience: ConnectionTimeouts,
    stop: CancellationToken,
    readiness: Arc<Mutex<Readiness>>,
    /// The reason why the process has to end by itself, once there is one.
    doom: watch::Sender<Option<FatalCause>>,
}

/// The reason why a process has to end by itself.
#[derive(Clone)]
enum FatalCause {
    /// The task that watches a dependency has ended.
    Died(&'static str),
    /// A dependency cannot be used with its setting.
    Refused(WrongSetting, String),
}

/// A setting that turned out to be wrong when it was used, by its variable. As the context of an error that
/// `main` returns, it makes the process end with exit code 2, like a setting that cannot be read.
#[derive(Clone, Copy, Debug)]
pub struct WrongSetting(pub &'static str);

impl fmt::Display for WrongSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// The exit code of a process with a wrong setting.
const INVALID_SETTING_EXIT_CODE: u8 = 2;

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
            address_file: common.address_file.clone(),
            patience: ConnectionTimeouts::resting(Duration::from_secs(common.http_idle_timeout)),
            stop: CancellationToken::new(),
            readiness: Arc::default(),
            doom: watch::Sender::new(None),
        }
    }

    /// Returns the service's name, which is also its group's.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the name of this process among the service's.
    pub fn member(&self) -> &str {
        &self.member
    }

    /// Returns the address with this service's name and password, unless it names a user itself; the
    /// broker's also unless there is a file with credentials. Warns of a password that is the one for
    /// development.
    pub fn sign<K: Kind>(&self, address: &Address<K>) -> Address<K> {
        let signed = address.signed(&self.name, &self.password, &self.key_files);
        if signed.is_for_development() {
            warn!("using the development password at {signed:?}; set another as PASSWORD");
        }
        signed
    }

    /// Returns the token that is cancelled when shutdown is requested.
    pub fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Makes the service ready only while `state` is true, the cached state of the dependency `what`. Needs a
    /// runtime.
    ///
    /// If the state's sender is dropped, the task that watches the dependency has died, and the process would
    /// wait for the dependency for ever: it fails, so that its supervisor starts it again.
    pub fn ready_when(&self, what: &'static str, state: watch::Receiver<bool>) {
        self.needs(Requirement::Of((what, state)));
    }

    /// Makes the service ready while one of two dependencies is available. For services that requests are
    /// routed to and that can still handle some of them then: an outage of the other one shall not take all
    /// of them out of rotation. Needs a runtime.
    pub fn ready_when_either(&self, one: Check, other: Check) {
        self.needs(Requirement::Either(one, other));
    }

    fn needs(&self, need: Requirement) {
        for (what, state) in need.checks() {
            tokio::spawn(self.clone().monitor(what, state.clone()));
        }
        health::lock(&self.readiness).require(need);
    }

    async fn monitor(self, what: &'static str, mut state: watch::Receiver<bool>) {
        while state.changed().await.is_ok() {}
        // A process that shuts down needs no dependencies any more.
        tokio::time::sleep(EXIT_TIMEOUT).await;
        if !self.stop.is_cancelled() {
            self.doomed(FatalCause::Died(what));
        }
    }

    /// Ends the process with exit code 2 when `refusal` completes: the dependency of the setting `variable`
    /// cannot be used with that value, which only use has shown. Needs a runtime.
    pub fn refused_when<E>(
        &self,
        variable: &'static str,
        refusal: impl Future<Output = E> + Send + 'static,
    ) where
        E: Error + Send + Sync + 'static,
    {
        let service = self.clone();
        tokio::spawn(async move {
            let reason = format!("{:#}", anyhow::Error::from(refusal.await));
            service.doomed(FatalCause::Refused(WrongSetting(variable), reason));
        });
    }

    fn doomed(&self, doom: FatalCause) {
        self.doom.send_if_modified(|first| {
            first.get_or_insert(doom);
            true
        });
    }

    /// Serves `routes`, which should be [`fronted`](http::fronted), and, beside them, `/livez`, `/readyz`,
    /// `/statusz` and `/metrics`, until shutdown is requested. Fails if it cannot listen.
    ///
    /// Requests that are open then have 10 seconds to complete.
    pub async fn serve(&self, routes: Router) -> anyhow::Result<()> {
        let listener = TcpListener::bind(self.http_addr)
            .await
            .with_context(|| format!("cannot listen on {} (HTTP_ADDR)", self.http_addr))?;
        let address = listener.local_addr().context("a listener has an address")?;
        if let Some(file) = &self.address_file {
            note(file, address)
                .with_context(|| format!("cannot write `{}` (ADDRESS_FILE)", file.display()))?;
        }
        info!(http.addr = %address, "listening for HTTP on {address}");
        let app = http::observed(self.operations()).merge(routes);
        server::serve(listener, app, self.patience, self.stop.clone()).await;
        Ok(())
    }

    fn operations(&self) -> Router {
        health::routes(Arc::clone(&self.readiness), self.stop.clone()).merge(telemetry::routes())
    }

    async fn run_to_end<S, F, Fut>(self, main: F, own: S) -> ExitCode
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
        let (stop, mut doom) = (self.stop.clone(), self.doom.subscribe());
        let run = main(self, own);
        tokio::select! {
            result = run => match result {
                Ok(()) => {
                    info!("stopped");
                    ExitCode::SUCCESS
                }
                Err(error) if error.is::<WrongSetting>() => {
                    error!("{error:#}");
                    ExitCode::from(INVALID_SETTING_EXIT_CODE)
                }
                Err(error) => {
                    error!("failed: {error:#}");
                    ExitCode::FAILURE
                }
            },
            () = signals.force_exit(stop) => ExitCode::FAILURE,
            Ok(doom) = doom.wait_for(Option::is_some) => match &*doom {
                Some(FatalCause::Refused(variable, reason)) => {
                    error!("{variable}: {reason}");
                    ExitCode::from(INVALID_SETTING_EXIT_CODE)
                }
                Some(FatalCause::Died(what)) => {
                    error!("failed: nothing looks after the {what} any more");
                    ExitCode::FAILURE
                }
                None => ExitCode::FAILURE,
            },
        }
    }
}

/// Writes the address to a file atomically, so that a program that waits for the file finds it complete.
fn note(file: &Path, address: SocketAddr) -> std::io::Result<()> {
    let unfinished = file.with_extension("unfinished");
    fs::write(&unfinished, format!("{address}\n"))?;
    fs::rename(unfinished, file)
}
