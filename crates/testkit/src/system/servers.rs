//! The two servers that the services depend on.

use std::path::Path;

use anyhow::Result;

use super::OPERATOR;
use super::options::SystemOptions;
use super::passwords::{OWNER, Passwords};
use crate::{Broker, BrokerOptions, Postgres, PostgresOptions};

/// Starts the broker with this repository's configuration.
pub(super) async fn start_broker(
    options: &SystemOptions,
    dir: &Path,
    passwords: &Passwords,
    (port, monitor_port): (Option<u16>, Option<u16>),
) -> Result<Broker> {
    Broker::start(BrokerOptions {
        dir: Some(dir.join("broker")),
        port,
        monitor_port,
        config: Some(options.users_file()),
        durable: options.dir.is_some(),
        env: passwords.variables().collect(),
        credentials: Some((OPERATOR.to_owned(), passwords.of(OPERATOR)?.to_owned())),
        apart: options.apart,
    })
    .await
}

/// Starts the database. A temporary one has a directory of its own: it may have to be in another place
/// than ours, and is removed along with the database.
pub(super) async fn start_postgres(
    options: &SystemOptions,
    dir: &Path,
    passwords: &Passwords,
    port: Option<u16>,
) -> Result<Postgres> {
    let kept = options.dir.is_some();
    Postgres::start(PostgresOptions {
        dir: kept.then(|| dir.join("postgres")),
        password: Some(passwords.of(OWNER)?.to_owned()),
        afresh: passwords.are_new(),
        port,
        durable: kept,
        apart: options.apart,
        ..PostgresOptions::default()
    })
    .await
}
