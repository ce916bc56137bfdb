//! The two servers that the services stand on.

use std::path::Path;

use anyhow::Result;

use super::OPERATOR;
use super::options::{self, SystemOptions};
use super::passwords::Passwords;
use crate::{Broker, BrokerOptions, Postgres, PostgresOptions, install};

/// Starts the broker with this repository's configuration.
pub(super) async fn start_broker(
    options: &SystemOptions,
    dir: &Path,
    passwords: &Passwords,
) -> Result<Broker> {
    let version = install::nats_server()?.version;
    let variable = |name: &str, value: &String| (name.to_owned(), value.clone());
    Broker::start(BrokerOptions {
        dir: Some(dir.join("broker")),
        port: None,
        monitor_port: options.monitor_port,
        config: Some(options::broker_config(version)),
        env: vec![
            variable("OPERATOR_PASSWORD", &passwords.operator),
            variable("TODO_PASSWORD", &passwords.todo),
        ],
        credentials: Some(variable(OPERATOR, &passwords.operator)),
        apart: options.apart,
    })
    .await
}

/// A temporary database finds its own directory: it may have to be another one than ours, and has to go
/// with it in the end.
pub(super) async fn start_postgres(
    options: &SystemOptions,
    dir: &Path,
    passwords: &Passwords,
) -> Result<Postgres> {
    let kept = options.dir.is_some();
    Postgres::start(PostgresOptions {
        dir: kept.then(|| dir.join("postgres")),
        password: Some(passwords.postgres.clone()),
        durable: kept,
        apart: options.apart,
        ..PostgresOptions::default()
    })
    .await
}
