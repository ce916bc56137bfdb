//! Parameters of other clients, which managed databases put into their addresses.

use std::sync::Once;

use sqlx::postgres::PgSslMode;

/// Demand of such a parameter on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asks {
    /// Nothing beyond the default.
    Nothing,
    /// TLS.
    Tls,
    /// Channel binding, which the driver does not support.
    Binding,
}

/// Returns the demand of a parameter, or the reason why it cannot be met. None if the parameter is unknown.
pub(super) fn asks(name: &str, value: &str) -> Option<Result<Asks, &'static str>> {
    let asks = match (name, value) {
        // Calls and connecting have timeouts of their own, the driver uses UTF-8, the application name is the
        // member's, and there is only one server to choose.
        (
            "application_name"
            | "client_encoding"
            | "connect_timeout"
            | "fallback_application_name"
            | "keepalives"
            | "keepalives_count"
            | "keepalives_idle"
            | "keepalives_interval"
            | "load_balance_hosts"
            | "pool_timeout"
            | "sslcompression"
            | "supa"
            | "tcp_user_timeout"
            | "uselibpqcompat",
            _,
        )
        | ("channel_binding" | "gssencmode", "disable" | "prefer")
        | ("ssl_min_protocol_version", "TLSv1" | "TLSv1.1" | "TLSv1.2")
        | ("sslnegotiation", "postgres")
        | ("sslsni", "1")
        | ("target_session_attrs", "any" | "prefer-standby" | "primary" | "read-write") => {
            Asks::Nothing
        }
        ("ssl", "true") | ("sslnegotiation", "direct") => Asks::Tls,
        ("channel_binding", "require") => Asks::Binding,
        (name, _) => return refusal(name).map(Err),
    };
    Some(Ok(asks))
}

fn refusal(name: &str) -> Option<&'static str> {
    let why = match name {
        "channel_binding" => "it has to be `disable`, `prefer` or `require`",
        "connection_limit" => "set `DATABASE_CONNECTIONS` in its place",
        "gssencmode" => "there is no GSSAPI here, only TLS; it has to be `disable` or `prefer`",
        "ssl" => "it has to be `true`; `sslmode` says more",
        "ssl_min_protocol_version" => "TLS is of version 1.2 at least, and 1.3 cannot be asked for",
        "sslnegotiation" => "it has to be `postgres` or `direct`",
        "sslsni" => "a server is always told by which name it is called; it has to be `1`",
        "target_session_attrs" => "a server is needed that can be written to, such as `primary`",
        _ => return None,
    };
    Some(why)
}

/// The `sslmode` with TLS required, where a parameter demands it; none if the mode rules it out.
pub(super) fn with_tls(mode: PgSslMode) -> Option<PgSslMode> {
    match mode {
        PgSslMode::Disable => None,
        PgSslMode::Allow | PgSslMode::Prefer => Some(PgSslMode::Require),
        PgSslMode::Require | PgSslMode::VerifyCa | PgSslMode::VerifyFull => Some(mode),
    }
}

/// Warns once if there is neither channel binding nor a verified certificate: somebody in between could
/// impersonate the server.
pub(super) fn tell_of_binding(mode: PgSslMode) {
    static ONCE: Once = Once::new();
    if !matches!(mode, PgSslMode::VerifyFull) {
        ONCE.call_once(|| {
            tracing::warn!(
                "`channel_binding=require` in the database's address is taken for `sslmode=require`; what makes sure \
                 that it is the right server here is `sslmode=verify-full`"
            );
        });
    }
}
