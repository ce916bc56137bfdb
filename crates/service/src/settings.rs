//! The settings that services share. Each is declared once, here, with its default and its meaning;
//! `--help` of every service lists those that it reads.

use std::{net::SocketAddr, path::PathBuf, str::FromStr};

use clap::{Args, ValueEnum, builder::NonEmptyStringValueParser};
use url::Url;

pub use crate::address::{NatsUrl, PostgresUrl};
use crate::key_files::KeyFiles;

/// The broker's address, for services.
#[derive(Args, Clone, Debug)]
pub struct Broker {
    /// The broker's address, or those of several servers of a cluster, separated by commas. Where one names
    /// no user, the service logs in by its own name and `PASSWORD`.
    #[arg(
        long,
        env,
        hide_env_values = true,
        default_value = "nats://localhost:4222"
    )]
    pub nats_url: NatsUrl,
}

/// The broker's address and credentials, for a person who has all permissions there.
#[derive(Args, Clone, Debug)]
pub struct Operator {
    /// The broker's address, with the operator's password. Without it, that of the system that `cargo
    /// xtask up` runs here (`.todo/run.json`, in this directory or above), or else
    /// `nats://operator:operator@localhost:4222`.
    #[arg(long, env, hide_env_values = true)]
    pub nats_url: Option<NatsUrl>,
    #[command(flatten)]
    files: KeyFiles,
}

impl Operator {
    /// Returns an address of the broker with the paths of the files with credentials.
    pub fn with_files(&self, address: NatsUrl) -> NatsUrl {
        address.with(&self.files)
    }
}

/// The database's address.
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

/// The database's address and the size of the connection pool, for a service that handles concurrent
/// requests.
#[derive(Args, Clone, Debug)]
pub struct DatabasePool {
    #[command(flatten)]
    database: Database,
    /// The most connections that this process opens for its work; one more watches the database.
    #[arg(long, env, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub database_connections: u32,
}

impl DatabasePool {
    /// Returns the database's address.
    pub fn database_url(&self) -> &PostgresUrl {
        &self.database.database_url
    }
}

/// The settings that every service reads.
#[derive(Args, Clone, Debug)]
pub(crate) struct Common {
    /// The address to listen on for HTTP; port 0 takes a free one.
    #[arg(long, env, default_value = "0.0.0.0:8090", value_parser = parse_address)]
    pub(crate) http_addr: SocketAddr,
    /// A file that is written with the address once the process listens: for a program that starts it with
    /// port 0 and has to find it.
    #[arg(long, env, value_name = "FILE")]
    pub(crate) address_file: Option<PathBuf>,
    /// Time for which an idle HTTP connection is kept open (seconds). It has to be longer than a proxy
    /// before the service keeps it.
    #[arg(long, env, default_value_t = 75, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) http_idle_timeout: u64,
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
    /// The format of log lines.
    #[arg(long, env, default_value = "text")]
    pub(crate) log_format: LogFormat,
    /// Any text turns off colours in log lines on a terminal.
    #[arg(long, env, default_value = "", hide_default_value = true)]
    pub(crate) no_color: String,
    /// A filter of log lines, as in `info,bus=debug`.
    #[arg(
        long,
        env = "RUST_LOG",
        default_value = "info,async_nats=off,sqlx=warn"
    )]
    pub(crate) log_filter: String,
    /// The address of a collector that receives traces by OTLP, such as <http://collector:4318>. Without it,
    /// nothing is traced.
    #[arg(long, env, default_value = "", hide_default_value = true)]
    pub(crate) otel_exporter_otlp_endpoint: Collector,
    /// The protocol for sending spans to the collector.
    #[arg(long, env, default_value = "http/protobuf")]
    pub(crate) otel_exporter_otlp_protocol: OtlpProtocol,
    /// This service's name in traces; by default its own.
    #[arg(long, env, value_parser = NonEmptyStringValueParser::new())]
    pub(crate) otel_service_name: Option<String>,
}

/// The format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people; on a terminal as `terminal` has it.
    Text,
    /// For people who watch: in colours, and with the time of day without the date.
    Terminal,
    /// One JSON object a line, for machines.
    Json,
}

/// The protocol for sending spans to the collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OtlpProtocol {
    /// Protocol buffers over HTTP.
    #[value(name = "http/protobuf")]
    HttpProtobuf,
}

/// A collector of traces, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Collector(Option<Url>);

impl Collector {
    /// Returns the address to send traces to.
    pub(crate) fn traces(&self) -> Option<String> {
        let address = self.0.as_ref()?.as_str().trim_end_matches('/');
        Some(format!("{address}/v1/traces"))
    }
}

impl FromStr for Collector {
    type Err = &'static str;

    /// Reads an address; an empty text is no collector, so that a compose file can leave it out.
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

/// Checks a member's name, which is kept plain because it becomes part of connection names.
fn parse_member(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if (1..=63).contains(&text.len()) && text.chars().all(plain) {
        Ok(text.to_owned())
    } else {
        Err("expected 1 to 63 letters, digits, `-`, `_` or `.`".to_owned())
    }
}
