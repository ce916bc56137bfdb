//! The address of the database, and connecting to it.

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

/// `statement_timeout` of every statement: one that nobody waits for any more does not hold its locks for
/// long.
pub(crate) const STATEMENT: &str = "10s";

/// A mistake in the address. Its text never repeats a value, which may be a password.
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

/// Host, database and login of a connection.
#[derive(Clone)]
pub(crate) struct Address {
    options: PgConnectOptions,
    /// Set by `pgbouncer=true`: a pooler is in front of the server.
    pooled: bool,
}

/// Connection options that the server, or a pooler in front of it, accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    /// Set if a pooler is in front, which may run each transaction on another server connection.
    pub(crate) pooled: bool,
    /// Set if TLS failed where it is only preferred.
    plain: bool,
}

impl Way {
    /// The options for the owner, who sets what is needed in each transaction.
    pub(crate) fn of_owner(self) -> Self {
        Self {
            pooled: true,
            ..self
        }
    }
}

impl Address {
    /// Parses an address, and checks the files that it names.
    pub(crate) fn read(text: &str, application_name: &str) -> Result<Self, StoreError> {
        let mut address = parse(text).map_err(|mistake| StoreError::Url(mistake.into()))?;
        address.options = address.options.application_name(application_name);
        Ok(address)
    }

    /// The address with another `application_name`.
    pub(crate) fn named(&self, application_name: &str) -> Self {
        Self {
            options: self.options.clone().application_name(application_name),
            ..*self
        }
    }

    /// The options that are tried first.
    pub(crate) fn first(&self) -> Way {
        Way {
            pooled: self.pooled,
            plain: false,
        }
    }

    /// Options for the driver. A pooler refuses `statement_timeout` as a startup parameter; there each
    /// transaction sets it. The parameter `todo.direct` has no effect at the server: it shows whether startup
    /// parameters get there.
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

    /// Connects with the best options that the server accepts, from `way` on, and returns them with the
    /// connection.
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

    /// Returns whether TLS may be left out: `prefer` falls back to a plain connection.
    fn may_be_plain(&self, way: Way) -> bool {
        !way.plain && matches!(self.options.get_ssl_mode(), PgSslMode::Prefer)
    }

    /// Adds advice if the server requires TLS, as distinct from one that does not know our login yet.
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
    // An IPv6 address is in brackets in a URL, and without them in a certificate.
    let host = options.get_host().trim_matches(['[', ']']).to_owned();
    if host.contains(',') {
        return Err(Mistake::Several);
    }
    // Floats are sent in binary form, so this startup parameter is not needed, and a pooler refuses unknown
    // ones.
    let options = options.host(&host).extra_float_digits(None);
    Ok(Address {
        options: tls.apply(options)?,
        pooled,
    })
}

/// TLS parameters of an address.
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
    /// Applies the parameters as libpq does, where the driver differs: with `sslrootcert`, `require` verifies
    /// the server's certificate.
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

/// Checks a file once, at the start; the driver reads it anew for each connection.
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
