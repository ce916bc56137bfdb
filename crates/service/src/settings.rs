//! The settings that services share. Each is declared once, here, with its default and what
//! it means; `--help` of every service lists those that it reads.

use std::{net::SocketAddr, str::FromStr};

use clap::{Args, ValueEnum, builder::NonEmptyStringValueParser};
use url::Url;

pub use crate::address::{NatsUrl, PostgresUrl};
use crate::key_files::KeyFiles;

/// Where the broker is.
#[derive(Args, Clone, Debug)]
pub struct Broker {
    /// The broker's address, or those of several servers of a cluster, divided by commas. Where one names no user,
    /// the service logs in by its own name and `PASSWORD`.
    #[arg(
        long,
        env,
        hide_env_values = true,
        default_value = "nats://localhost:4222"
    )]
    pub nats_url: NatsUrl,
}

/// Where the broker is, for a person who may do everything there.
#[derive(Args, Clone, Debug)]
pub struct Operator {
    /// The broker's address, with the operator's password.
    #[arg(
        long,
        env,
        hide_env_values = true,
        default_value = "nats://operator:operator@localhost:4222"
    )]
    nats_url: NatsUrl,
    #[command(flatten)]
    files: KeyFiles,
}

impl Operator {
    /// The broker's address, with the files that it is used with.
    pub fn address(&self) -> NatsUrl {
        self.nats_url.clone().with(&self.files)
    }
}

/// Where the database is.
#[derive(Args, Clone, Debug)]
pub struct Database {
    /// The database's address. If it names no user, the service logs in by its own name and
    /// `PASSWORD`.
    #[arg(
        long,
        env,
        hide_env_values = true,
        default_value = "postgres://localhost:5432/todo"
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
    /// This service's password at the broker and at the database, which know it by its name. For
    /// development it is the name itself.
    #[arg(long, env, hide_env_values = true, value_parser = NonEmptyStringValueParser::new())]
    pub(crate) password: Option<String>,
    #[command(flatten)]
    pub(crate) key_files: KeyFiles,
    /// How log lines are written.
    #[arg(long, env, default_value = "text")]
    pub(crate) log_format: LogFormat,
    /// Which log lines are written, as in `info,bus=debug`.
    #[arg(long, env = "RUST_LOG", default_value = "info,async_nats=off")]
    pub(crate) log_filter: String,
    /// Where traces go: the address of a collector that takes OTLP, such as <http://collector:4318>.
    /// Without it, nothing is traced.
    #[arg(long, env, default_value = "", hide_default_value = true)]
    pub(crate) otel_exporter_otlp_endpoint: Collector,
    /// How spans are written on their way there.
    #[arg(long, env, default_value = "http/protobuf")]
    pub(crate) otel_exporter_otlp_protocol: OtlpProtocol,
    /// This service's name in traces; by default its own.
    #[arg(long, env, value_parser = NonEmptyStringValueParser::new())]
    pub(crate) otel_service_name: Option<String>,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// How spans are written on their way to the collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OtlpProtocol {
    /// As protocol buffers over HTTP.
    #[value(name = "http/protobuf")]
    HttpProtobuf,
}

/// A collector of traces, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Collector(Option<Url>);

impl Collector {
    /// Where it takes traces.
    pub(crate) fn traces(&self) -> Option<String> {
        let address = self.0.as_ref()?.as_str().trim_end_matches('/');
        Some(format!("{address}/v1/traces"))
    }
}

impl FromStr for Collector {
    type Err = &'static str;

    /// An empty text is no collector, so that a compose file can leave it out.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Ok(Self(None));
        }
        let address = Url::parse(text).ok();
        let address = address.filter(|url| url.scheme() == "http" && url.has_host());
        address
            .map(|url| Self(Some(url)))
            .ok_or("expected the address of a collector without TLS, such as http://collector:4318")
    }
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
