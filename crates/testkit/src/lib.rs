//! Real servers for tests and tasks, private to the process that started them.
//!
//! A test that talks to a real broker and a real database finds the faults that a mock hides, and a test
//! that owns them may also stop, freeze or cut them. So nothing here is shared by name or by a fixed
//! port: every server binds loopback on a port that was free a moment ago, is known to be ours by its
//! process id, and ends when its value is dropped.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use std::time::Duration;
//! use testkit::{Broker, BrokerOptions, Link, eventually};
//!
//! let mut broker = Broker::start(BrokerOptions::default()).await?;
//! let link = Link::start(&broker.url()).await?;
//! let address = link.url(&broker.url());
//! link.cut().await;
//! eventually("the client noticed", Duration::from_secs(5), async || address.is_empty().then_some(())).await;
//! broker.restart().await?;
//! # Ok(())
//! # }
//! ```
//!
//! To add a kind of server, write a module like [`broker`]: start a [`Process`], wait until it
//! answers *and* is known to be ours, keep its port for restarts.

pub mod broker;
pub mod browser;
pub mod certificates;
mod cluster;
pub mod database;
pub mod eventually;
pub mod http;
pub mod install;
pub mod link;
pub mod orphans;
pub mod pgbouncer;
pub mod ports;
pub mod postgres;
pub mod process;
pub mod system;

pub use broker::{Broker, BrokerOptions};
pub use browser::Chromedriver;
pub use certificates::Authority;
pub use cluster::Cluster;
pub use database::Database;
pub use eventually::{eventually, try_eventually};
pub use link::Link;
pub use pgbouncer::{PgBouncer, PoolMode};
pub use postgres::{Postgres, PostgresOptions};
pub use process::{Output, Process, Signal};
pub use system::{System, SystemOptions};

/// Returns a password that needs no quoting anywhere: in a URL, in SQL or in the broker's configuration,
/// which would read a word that starts with a digit as a number.
pub fn random_password() -> String {
    format!("p{}", uuid::Uuid::new_v4().simple())
}
