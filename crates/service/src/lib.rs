//! The parts that every process has in common: settings from the environment, logs, health, metrics,
//! traces, graceful shutdown, and problem documents.
//!
//! A service's `main` names it and hands over; its `run` gets the settings and returns when it was asked
//! to stop:
//!
//! ```no_run
//! #[derive(clap::Args)]
//! struct Settings {
//!     #[command(flatten)]
//!     broker: service::settings::Broker,
//! }
//!
//! async fn run(service: service::Service, settings: Settings) -> anyhow::Result<()> {
//!     service.serve(axum::Router::new()).await
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     service::named(env!("CARGO_PKG_NAME")).run(run)
//! }
//! ```

pub mod http;
pub mod problem;
pub mod settings;

mod address;
mod command_line;
mod health;
mod healthcheck;
mod key_files;
mod open_files;
mod process;
mod server;
mod signals;
mod telemetry;
mod tool;

pub use health::Check;
pub use process::{Service, ServiceBuilder, WrongSetting, named};
pub use telemetry::log_together;
pub use tool::tool;

/// The allocator: these services allocate small short-lived pieces, at which it is faster than the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
