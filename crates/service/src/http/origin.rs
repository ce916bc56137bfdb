//! The origin that a client addresses, also behind a proxy.
//!
//! These headers are trusted only for addresses in the response, which only their sender reads. In a list,
//! the first entry comes from the proxy next to the client. `X-Forwarded-Prefix` and `X-Forwarded-Port` are
//! not read: a proxy gives the service a host of its own, with the port in the host's name.

use axum::http::{HeaderMap, HeaderName, header, uri::Authority};

use super::quoted::outside_quotes;

const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Returns the origin of our addresses as the client knows them, such as `https://todo.example`; `None` if
/// the request names no host.
///
/// `Forwarded` (RFC 7239) takes precedence over `X-Forwarded-Proto` and `X-Forwarded-Host`, and those over
/// `Host`.
pub fn origin(headers: &HeaderMap) -> Option<String> {
    let named = |name: &str, usual: &HeaderName| {
        let standard = forwarded(headers, name);
        standard.or_else(|| first(headers, usual).map(|value| unquoted(&value)))
    };
    let secure = named("proto", &PROTO).is_some_and(|proto| proto.eq_ignore_ascii_case("https"));
    let scheme = if secure { "https" } else { "http" };
    let asked = || first(headers, &header::HOST);
    let hosts = [named("host", &HOST), asked()].into_iter().flatten();
    let mut hosts = hosts.filter_map(|host| {
        let authority = host.parse::<Authority>().ok();
        // No user name shall be in an address.
        authority.filter(|authority| !authority.as_str().contains('@'))
    });
    hosts.next().map(|host| format!("{scheme}://{host}"))
}

/// Returns the parameter `name` of the first entry of `Forwarded`.
fn forwarded(headers: &HeaderMap, name: &str) -> Option<String> {
    let entry = first(headers, &header::FORWARDED)?;
    let mut pairs = outside_quotes(&entry, b';').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(given, _)| given.trim().eq_ignore_ascii_case(name))?;
    Some(unquoted(value.trim()))
}

/// Returns the first entry of a list, which may be spread over several header lines and have empty entries.
fn first(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let lines = headers.get_all(name).iter();
    let lines = lines.filter_map(|line| line.to_str().ok());
    let mut entries = lines.flat_map(|line| outside_quotes(line, b','));
    let entry = entries.find(|entry| !entry.trim().is_empty())?;
    Some(entry.trim().to_owned())
}

/// Returns the text of a quoted string, or of a token.
fn unquoted(value: &str) -> String {
    let inner = value.strip_prefix('"');
    match inner.and_then(|inner| inner.strip_suffix('"')) {
        Some(inner) => {
            let mut escaped = false;
            let plain = |letter: &char| {
                escaped = *letter == '\\' && !escaped;
                !escaped
            };
            inner.chars().filter(plain).collect()
        }
        None => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderName, HeaderValue};
    use proptest::{collection::vec, prelude::*};

    use super::origin;

    fn of(lines: &[(&str, &str)]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        origin(&headers)
    }

    #[test]
    fn of_several_proxies_the_one_next_to_the_caller_says_how_it_was_called() {
        for (expected, lines) in [
            ("http", &[][..]),
            ("https", &[("x-forwarded-proto", "https")]),
            ("https", &[("x-forwarded-proto", "HTTPS")]),
            ("https", &[("x-forwarded-proto", " https ,http")]),
            ("https", &[("x-forwarded-proto", ", https, http")]),
            ("http", &[("x-forwarded-proto", "http,https")]),
            (
                "https",
                &[
                    ("x-forwarded-proto", "https"),
                    ("x-forwarded-proto", "http"),
                ],
            ),
            ("http", &[("x-forwarded-proto", "ftp")]),
            ("https", &[("forwarded", "proto=https")]),
            (
                "https",
                &[("forwarded", "for=\"[2001:db8::1]:4711\" ; Proto=\"HTTPS\"")],
            ),
            (
                "https",
                &[("forwarded", "for=a;proto=https, for=b;proto=http")],
            ),
            ("http", &[("forwarded", "for=\"a;proto=https\"")]),
            (
                "http",
                &[("forwarded", "proto=http"), ("x-forwarded-proto", "https")],
            ),
            (
                "https",
                &[("forwarded", "for=a"), ("x-forwarded-proto", "https")],
            ),
        ] {
            let mut lines = lines.to_vec();
            lines.push(("host", "todo.example"));
            let expected = format!("{expected}://todo.example");
            assert_eq!(of(&lines), Some(expected), "{lines:?}");
        }
    }

    #[test]
    fn the_name_by_which_the_caller_called_counts_before_the_one_that_a_proxy_called() {
        let host = ("host", "10.0.0.2:8081");
        for (expected, line) in [
            ("10.0.0.2:8081", ("x-other", "")),
            ("todo.example", ("x-forwarded-host", "todo.example, inner")),
            (
                "todo.example:8443",
                ("forwarded", "host=\"todo.example:8443\""),
            ),
            // Values that are no host are ignored.
            ("10.0.0.2:8081", ("x-forwarded-host", "a b")),
            ("10.0.0.2:8081", ("x-forwarded-host", "user@todo.example")),
            ("10.0.0.2:8081", ("forwarded", "host=")),
        ] {
            assert_eq!(
                of(&[host, line]),
                Some(format!("http://{expected}")),
                "{line:?}"
            );
        }
        assert_eq!(of(&[("x-forwarded-proto", "https")]), None);
    }

    proptest! {
        #[test]
        fn whatever_is_said_an_address_begins_as_one(
            lines in vec(("(forwarded|x-forwarded-proto|x-forwarded-host|host)", "[ -~\u{80}-\u{ff}]{0,30}|[a-z=;,\" \\\\]{0,20}"), 0..5),
        ) {
            let lines: Vec<_> = lines.iter().map(|(name, value)| (name.as_str(), value.trim())).collect();
            if let Some(origin) = of(&lines) {
                prop_assert!(origin.starts_with("http://") || origin.starts_with("https://"));
                prop_assert!(!origin.contains([' ', '"', '@', '\\', '<', '>']), "{}", origin);
            }
        }
    }
}
