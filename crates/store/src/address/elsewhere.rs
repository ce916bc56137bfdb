//! Parameters that other clients know, and that managed databases put into the addresses that they give out.

use std::sync::Once;

use sqlx::postgres::PgSslMode;

/// Demand of such a parameter on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asks {
    /// Nothing that is not so anyway.
    Nothing,
    /// TLS.
    Tls,
    /// A log-in that is tied to the connection's TLS, which the driver cannot do.
    Binding,
}

/// Tells what a parameter asks for, or why that cannot be had. None if nobody here knows it.
pub(super) fn asks(name: &str, value: &str) -> Option<Result<Asks, &'static str>> {
    let asks = match (name, value) {
        // A call and the making of a connection have limits of their own, the driver speaks UTF-8, the name is the
        // member's, and of one server there is none to choose.
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

/// The mode with TLS, where something asks for that; none if the mode rules it out.
pub(super) fn with_tls(mode: PgSslMode) -> Option<PgSslMode> {
    match mode {
        PgSslMode::Disable => None,
        PgSslMode::Allow | PgSslMode::Prefer => Some(PgSslMode::Require),
        PgSslMode::Require | PgSslMode::VerifyCa | PgSslMode::VerifyFull => Some(mode),
    }
}

/// Says once what is missing where the log-in is not tied to the connection and no certificate is compared with
/// anything: somebody in between could pass for the server.
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
