//! A service that does nothing, for the tests of what every service does.

use std::process::ExitCode;

use axum::Router;
use service::{Service, settings};

#[derive(clap::Args)]
struct Settings {
    #[command(flatten)]
    _broker: settings::Broker,
    /// Goes on when asked to stop.
    #[arg(long, env)]
    stubborn: bool,
}

fn main() -> ExitCode {
    service::named("idle").run(run)
}

async fn run(service: Service, settings: Settings) -> anyhow::Result<()> {
    service.serve(Router::new()).await?;
    if settings.stubborn {
        std::future::pending::<()>().await;
    }
    Ok(())
}
