//! The settings that services share. Each is declared once, here, with its default and what
//! it means; `--help` of every service lists those that it reads.

use std::{fmt, net::SocketAddr, str::FromStr};

use clap::{Args, ValueEnum};
use url::Url;

/// Where the broker is.
#[derive(Args, Clone, Debug)]
pub struct Broker {
    /// The broker's address, with user and password if it wants them.
    #[arg(
        long,
        env,
        hide_env_values = true,
        default_value = "nats://todo:todo@localhost:4222"
    )]
    pub nats_url: NatsUrl,
}

/// Where the database is.
#[derive(Args, Clone, Debug)]
pub struct Database {
    /// The database's address, with user and password.
    #[arg(
        long,
        env,
        hide_env_values = true,
        default_value = "postgres://todo:todo@localhost:5432/todo"
    )]
    pub database_url: PostgresUrl,
}

/// Where the database is, for a service that answers many at a time.
#[derive(Args, Clone, Debug)]
pub struct DatabasePool {
    #[command(flatten)]
    database: Database,
    /// The most connections that this process opens for its work; one more watches the database.
    #[arg(long, env, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub database_connections: u32,
}

impl DatabasePool {
    /// The database's address.
    pub fn database_url(&self) -> &PostgresUrl {
        &self.database.database_url
    }
}

/// What every service reads.
#[derive(Args, Clone, Debug)]
pub(crate) struct Common {
    /// Where to listen for HTTP; port 0 takes a free one.
    #[arg(long, env, default_value = "0.0.0.0:8090", value_parser = parse_address)]
    pub(crate) http_addr: SocketAddr,
    /// This member's name in logs, at the broker and at the database; by default made of the
    /// host's name and the process id.
    #[arg(long, env, value_parser = parse_member)]
    pub(crate) member: Option<String>,
    /// How log lines are written.
    #[arg(long, env, default_value = "text")]
    pub(crate) log_format: LogFormat,
    /// Which log lines are written, as in `info,bus=debug`.
    #[arg(long, env = "RUST_LOG", default_value = "info,async_nats=warn")]
    pub(crate) log_filter: String,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for machines.
    Json,
}

fn parse_address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| "expected an address and a port, such as 0.0.0.0:8080".to_owned())
}

/// A member's name becomes part of connection names, so it is kept plain.
fn parse_member(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if (1..=63).contains(&text.len()) && text.chars().all(plain) {
        Ok(text.to_owned())
    } else {
        Err("expected 1 to 63 letters, digits, `-`, `_` or `.`".to_owned())
    }
}

macro_rules! url_setting {
    ($(#[$doc:meta])* $name:ident, [$($scheme:literal),+], $expected:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name(Url);

        impl $name {
            /// The address as it stands, secrets included.
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl FromStr for $name {
            type Err = &'static str;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match Url::parse(text) {
                    Ok(url) if [$($scheme),+].contains(&url.scheme()) && url.has_host() => {
                        Ok(Self(url))
                    }
                    _ => Err($expected),
                }
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        /// Shows the address without user and password.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let host = self.0.host_str().unwrap_or_default();
                write!(f, "{}://{host}", self.0.scheme())?;
                match self.0.port() {
                    Some(port) => write!(f, ":{port}"),
                    None => Ok(()),
                }
            }
        }
    };
}

url_setting! {
    /// The address of a NATS server.
    NatsUrl, ["nats", "tls"],
    "expected a NATS address, such as nats://user:password@message-queue:4222"
}

url_setting! {
    /// The address of a PostgreSQL database.
    PostgresUrl, ["postgres", "postgresql"],
    "expected a PostgreSQL address, such as postgres://user:password@todo-db:5432/todo"
}
