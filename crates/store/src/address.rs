//! Where the database is, as its address has it, and how a connection is made.

mod elsewhere;

use std::fs;

use sqlx::{
    ConnectOptions, PgConnection,
    postgres::{PgConnectOptions, PgDatabaseError, PgSslMode},
};
use url::Url;

use crate::{
    StoreError,
    error::{Reason, is_tls},
};
use elsewhere::{Asks, asks, tell_of_binding, with_tls};

/// How long the database works on one statement before it gives up by itself, so that a statement
/// that nobody waits for any more does not hold its locks for long.
pub(crate) const STATEMENT: &str = "10s";

/// A mistake in the address. None repeats a value, which may be a password.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Mistake {
    #[error("the scheme is not `postgres` or `postgresql`")]
    Scheme,
    #[error("{0}")]
    Unreadable(String),
    #[error(
        "there is no parameter `{0}` here; there are `sslmode`, `sslrootcert`, `sslcert`, `sslkey`, \
         `pgbouncer`, `options`, `host`, `hostaddr`, `port`, `dbname`, `user` and `password`"
    )]
    Unknown(String),
    #[error("`{0}`: {1}")]
    Refused(String, &'static str),
    #[error("there is one host here, and none of several to choose")]
    Several,
    #[error("`sslmode` has to be `disable`, `prefer`, `require`, `verify-ca` or `verify-full`")]
    Mode,
    #[error("`pgbouncer` has to be `true` or `false`")]
    Pooler,
    #[error(
        "`sslrootcert` needs `sslmode=verify-full` (or `verify-ca`): as it is nothing would be compared with it"
    )]
    Unused,
    #[error("`sslrootcert=system` needs `sslmode=verify-full`")]
    System,
    #[error("`sslcert` and `sslkey` need each other")]
    Alone,
    #[error("`{parameter}`: cannot read `{file}`: {error}")]
    File {
        parameter: &'static str,
        file: String,
        error: std::io::Error,
    },
    #[error("`{parameter}`: `{file}` is no {what} in PEM form")]
    Content {
        parameter: &'static str,
        file: String,
        what: &'static str,
    },
}

/// Where the database is, and as whom to log in.
#[derive(Clone)]
pub(crate) struct Address {
    options: PgConnectOptions,
    /// Whether the address says that a pooler stands in front.
    pooled: bool,
}

/// What a server, or the pooler in front of it, takes of what we would like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    /// Whether a pooler stands in front, which may give each transaction another connection.
    pub(crate) pooled: bool,
    /// Whether TLS did not come about, where it is not asked for strictly.
    plain: bool,
}

impl Way {
    /// The way for the owner, who sets what is needed in each transaction.
    pub(crate) fn of_owner(self) -> Self {
        Self {
            pooled: true,
            ..self
        }
    }
}

impl Address {
    /// Reads an address, and looks at the files that it names.
    pub(crate) fn read(text: &str, application_name: &str) -> Result<Self, StoreError> {
        let mut address = parse(text).map_err(|mistake| StoreError::Url(mistake.into()))?;
        address.options = address.options.application_name(application_name);
        Ok(address)
    }

    /// The same for another application.
    pub(crate) fn named(&self, application_name: &str) -> Self {
        Self {
            options: self.options.clone().application_name(application_name),
            ..*self
        }
    }

    /// The way that is tried first.
    pub(crate) fn first(&self) -> Way {
        Way {
            pooled: self.pooled,
            plain: false,
        }
    }

    /// What the driver is told. A pooler does not take the limit of a statement when a connection is
    /// made; there each transaction sets it. The mark beside it does nothing at the server: it shows
    /// whether what a connection is made with gets there.
    pub(crate) fn options(&self, way: Way) -> PgConnectOptions {
        let mut options = self.options.clone();
        if way.plain {
            options = options.ssl_mode(PgSslMode::Disable);
        }
        if !way.pooled {
            options = options.options([("statement_timeout", STATEMENT), ("todo.direct", "on")]);
        }
        options
    }

    /// Connects by the best way that the server takes, from `way` on, and tells which one that is.
    pub(crate) async fn connect(&self, mut way: Way) -> Result<(PgConnection, Way), Reason> {
        let mut first = None;
        loop {
            let error = match self.options(way).connect().await {
                Ok(connection) => return Ok((connection, way)),
                Err(error) => error,
            };
            let code = code(&error);
            if code == "08P01" && !way.pooled {
                // «unsupported startup parameter: options», as PgBouncer says.
                way.pooled = true;
            } else if self.may_be_plain(way) && (code == "28000" || is_tls(&error)) {
                way.plain = true;
                first = Some(error);
            } else {
                return Err(self.explain(first.unwrap_or(error)));
            }
        }
    }

    /// As the name says, `prefer` goes without TLS where that is the only way.
    fn may_be_plain(&self, way: Way) -> bool {
        !way.plain && matches!(self.options.get_ssl_mode(), PgSslMode::Prefer)
    }

    /// Tells a server that insists on TLS from one that does not know us yet.
    fn explain(&self, error: sqlx::Error) -> Reason {
        let insists = matches!(self.options.get_ssl_mode(), PgSslMode::Disable)
            && code(&error) == "28000"
            && routine(&error) == Some("ClientAuthentication");
        let reason = Reason::from(error);
        if insists {
            return Reason::Setting(format!("{reason}; `sslmode=disable` goes without TLS"));
        }
        reason
    }
}

fn code(error: &sqlx::Error) -> String {
    let refusal = error.as_database_error();
    let code = refusal.and_then(sqlx::error::DatabaseError::code);
    code.unwrap_or_default().into_owned()
}

fn routine(error: &sqlx::Error) -> Option<&str> {
    let refusal = error.as_database_error()?;
    refusal.try_downcast_ref::<PgDatabaseError>()?.routine()
}

fn parse(text: &str) -> Result<Address, Mistake> {
    if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
        return Err(Mistake::Scheme);
    }
    let mut url = Url::parse(text).map_err(|error| Mistake::Unreadable(error.to_string()))?;
    let given: Vec<_> = url.query_pairs().into_owned().collect();
    url.set_query(None);
    let (mut tls, mut pooled) = (Tls::default(), false);
    for (name, value) in given {
        match name.as_str() {
            "sslmode" | "ssl-mode" => tls.mode = Some(mode(&value)?),
            "sslrootcert" | "ssl-root-cert" | "ssl-ca" => tls.root = Some(value),
            "sslcert" | "ssl-cert" => tls.certificate = Some(value),
            "sslkey" | "ssl-key" => tls.key = Some(value),
            "pgbouncer" => pooled = value.parse().map_err(|_| Mistake::Pooler)?,
            "host"
            | "hostaddr"
            | "port"
            | "dbname"
            | "user"
            | "password"
            | "options"
            | "statement-cache-capacity" => {
                url.query_pairs_mut().append_pair(&name, &value);
            }
            option if option.starts_with("options[") => {
                url.query_pairs_mut().append_pair(option, &value);
            }
            _ => match asks(&name, &value) {
                None => return Err(Mistake::Unknown(name)),
                Some(Err(why)) => return Err(Mistake::Refused(name, why)),
                Some(Ok(Asks::Nothing)) => {}
                Some(Ok(asks)) => tls.asked = Some((name, asks)),
            },
        }
    }
    let options: PgConnectOptions = url
        .as_str()
        .parse()
        .map_err(|error: sqlx::Error| Mistake::Unreadable(error.to_string()))?;
    // An address of version 6 stands in brackets in a URL, and without in a certificate.
    let host = options.get_host().trim_matches(['[', ']']).to_owned();
    if host.contains(',') {
        return Err(Mistake::Several);
    }
    // Floats travel in binary form, and a pooler refuses what it does not know.
    let options = options.host(&host).extra_float_digits(None);
    Ok(Address {
        options: tls.apply(options)?,
        pooled,
    })
}

/// What an address says of TLS.
#[derive(Default)]
struct Tls {
    mode: Option<PgSslMode>,
    root: Option<String>,
    certificate: Option<String>,
    key: Option<String>,
    /// Another parameter that asks for TLS.
    asked: Option<(String, Asks)>,
}

impl Tls {
    /// As libpq has it, where the driver differs: with a file of authorities, `require` compares the
    /// server's certificate with it.
    fn apply(mut self, mut options: PgConnectOptions) -> Result<PgConnectOptions, Mistake> {
        let asked = self.asked.take();
        let mut mode = self.mode.unwrap_or(options.get_ssl_mode());
        if let Some((name, _)) = &asked {
            let ruled_out = "it needs TLS, which `sslmode=disable` rules out";
            mode = with_tls(mode).ok_or_else(|| Mistake::Refused(name.clone(), ruled_out))?;
        }
        match self.root.as_deref() {
            None => options = options.ssl_mode(mode),
            Some("system") => {
                if !(self.mode.is_none() || matches!(mode, PgSslMode::VerifyFull)) {
                    return Err(Mistake::System);
                }
                options = options.ssl_mode(PgSslMode::VerifyFull);
            }
            Some(file) => {
                let mode = match mode {
                    PgSslMode::VerifyFull => mode,
                    PgSslMode::Require | PgSslMode::VerifyCa => PgSslMode::VerifyCa,
                    _ => return Err(Mistake::Unused),
                };
                look(
                    "sslrootcert",
                    file,
                    "certificate",
                    "-----BEGIN CERTIFICATE-----",
                )?;
                options = options.ssl_mode(mode).ssl_root_cert(file);
            }
        }
        if let Some((_, Asks::Binding)) = asked {
            tell_of_binding(options.get_ssl_mode());
        }
        match (self.certificate, self.key) {
            (None, None) => Ok(options),
            (Some(certificate), Some(key)) => {
                look(
                    "sslcert",
                    &certificate,
                    "certificate",
                    "-----BEGIN CERTIFICATE-----",
                )?;
                look("sslkey", &key, "private key", "PRIVATE KEY-----")?;
                Ok(options.ssl_client_cert(certificate).ssl_client_key(key))
            }
            _ => Err(Mistake::Alone),
        }
    }
}

fn mode(value: &str) -> Result<PgSslMode, Mistake> {
    match value {
        "disable" => Ok(PgSslMode::Disable),
        "prefer" => Ok(PgSslMode::Prefer),
        "require" => Ok(PgSslMode::Require),
        "verify-ca" => Ok(PgSslMode::VerifyCa),
        "verify-full" => Ok(PgSslMode::VerifyFull),
        _ => Err(Mistake::Mode),
    }
}

/// Looks at a file once, at the start; the driver reads it anew for each connection.
fn look(
    parameter: &'static str,
    file: &str,
    what: &'static str,
    mark: &str,
) -> Result<(), Mistake> {
    let content = fs::read(file).map_err(|error| Mistake::File {
        parameter,
        file: file.to_owned(),
        error,
    })?;
    if String::from_utf8_lossy(&content).contains(mark) {
        return Ok(());
    }
    Err(Mistake::Content {
        parameter,
        file: file.to_owned(),
        what,
    })
}
