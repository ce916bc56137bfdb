//! Conditions on an item's version (RFC 9110, section 13).
//!
//! An item's `ETag` is its version in quotes. It is a strong one: a version has one state, and a state
//! is written in one way.
//!
//! # What proxies make of tags
//!
//! One that packs an answer changes its tag on the way: nginx and Envoy weaken it (`W/"1"`), Apache, Caddy and Jetty put
//! the coding's name behind the version (`"1-gzip"`). The caller gets to know no other tag. `If-Match` is to be
//! compared strongly (RFC 9110, section 13.1.1), so that nobody puts the bytes of one representation in the place
//! of another's. Nothing here does: a change names parts of the item, whose state the version alone tells. So each of
//! these stands for its version, in every condition.
//!
//! # What `If-Match` promises
//!
//! A request with `If-Match` is accepted only if the item, **as it was saved when the request came**, has one
//! of the versions that it names. What is written is an event, which is applied later. So what was
//! accepted before but is not saved yet is not seen, nor is what others send between the look and the
//! save: of two who send the same `If-Match` at the same time, both may be accepted, and then the later
//! one wins for each part of the item that both change. It keeps a caller from changing what it has not
//! read, not from meeting another.
//!
//! An event could carry the version that its sender expects, in a header of its own, and the saver could
//! leave it without effect when the row has another. It does not: events of an item may be applied in any
//! order and more than once because each writes registers by its place in the stream alone, and an
//! effect that depends on what was applied before it would need them in order.

use axum::{
    extract::{FromRequestParts, Request},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use service::problem::Problem;
use std::convert::Infallible;

/// The header `ETag` of a response that shows `version`.
pub(crate) fn etag(version: i64) -> (HeaderName, String) {
    (header::ETAG, format!("\"{version}\""))
}

/// The versions in a conditional header.
#[derive(Debug, PartialEq)]
enum Versions {
    /// `*`: any version.
    Any,
    /// Only these. Tags that are no version of ours are left out.
    Of(Vec<i64>),
    /// Neither `*` nor a list of entity tags.
    Unreadable,
}

/// The header `If-Match` of a request that changes something. A malformed one matches no version: otherwise
/// what its caller wants to prevent could happen.
pub(crate) struct IfMatch(Option<Versions>);

impl IfMatch {
    /// Returns whether the request has a condition.
    pub(crate) fn is_given(&self) -> bool {
        self.0.is_some()
    }

    /// Fails with 412 if there is a condition that `version` does not meet.
    pub(crate) fn hold(&self, version: i64) -> Result<(), Problem> {
        let holds = match &self.0 {
            None | Some(Versions::Any) => true,
            Some(Versions::Of(wanted)) => wanted.contains(&version),
            Some(Versions::Unreadable) => false,
        };
        if holds {
            return Ok(());
        }
        let problem = Problem::new(StatusCode::PRECONDITION_FAILED, "precondition-failed");
        let advice = match &self.0 {
            Some(Versions::Unreadable) => {
                "; `If-Match` must be `*` or a list of what was given as `ETag`, with its quotes"
            }
            _ => "",
        };
        Err(problem.detail(format!(
            "the item is not as `If-Match` expects: its `ETag` is \"{version}\" now; read it again{advice}"
        )))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(versions(&parts.headers, &header::IF_MATCH)))
    }
}

/// The header `If-None-Match` of a request that reads. A malformed one is ignored: its caller gets the whole
/// response.
pub(crate) struct IfNoneMatch(Option<Versions>);

impl IfNoneMatch {
    /// Returns whether the caller already has `version`.
    pub(crate) fn knows(&self, version: i64) -> bool {
        match &self.0 {
            None | Some(Versions::Unreadable) => false,
            Some(Versions::Any) => true,
            Some(Versions::Of(known)) => known.contains(&version),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfNoneMatch {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(versions(&parts.headers, &header::IF_NONE_MATCH)))
    }
}

/// Answers 428 to `PATCH` and `DELETE` without `If-Match`. A middleware, used where the operator requires
/// conditional requests.
pub(crate) async fn require(request: Request, next: Next) -> Response {
    let changes = matches!(*request.method(), Method::PATCH | Method::DELETE);
    if !changes || request.headers().contains_key(header::IF_MATCH) {
        return next.run(request).await;
    }
    let problem = Problem::new(StatusCode::PRECONDITION_REQUIRED, "precondition-required");
    problem
        .detail("send the `ETag` of the item as you read it in the header `If-Match`")
        .into_response()
}

fn versions(headers: &HeaderMap, name: &HeaderName) -> Option<Versions> {
    let mut lines = headers.get_all(name).iter().peekable();
    lines.peek()?;
    let mut known = Vec::new();
    for line in lines {
        // A tag may have bytes beyond ASCII, and none of ours has.
        let line = String::from_utf8_lossy(HeaderValue::as_bytes(line));
        if line.trim() == "*" {
            return Some(Versions::Any);
        }
        if read(&line, &mut known).is_none() {
            return Some(Versions::Unreadable);
        }
    }
    Some(Versions::Of(known))
}

/// Reads a list of entity tags into `known`; none if it is malformed. They have no escapes, unlike other
/// quoted strings.
fn read(mut list: &str, known: &mut Vec<i64>) -> Option<()> {
    loop {
        list = list.trim_start();
        let quoted = list.strip_prefix("W/").unwrap_or(list).strip_prefix('"')?;
        let (tag, rest) = quoted.split_once('"')?;
        known.extend(version(tag));
        match rest.trim_start().strip_prefix(',') {
            Some(rest) => list = rest,
            None if rest.trim().is_empty() => return Some(()),
            None => return None,
        }
    }
}

/// Content codings whose names proxies append to an entity tag.
const CODINGS: [&str; 7] = ["gzip", "deflate", "br", "zstd", "compress", "dcb", "dcz"];

/// The version in an entity tag, if it is written as we write it, or with a content coding appended.
fn version(tag: &str) -> Option<i64> {
    let digits = tag.strip_prefix('-').unwrap_or(tag);
    let end = digits.find(['-', ';', ':', '+']);
    let end = end.map_or(tag.len(), |end| tag.len() - digits.len() + end);
    let (tag, coding) = tag.split_at(end);
    let coding = coding.trim_start_matches(['-', ';', ':', '+']);
    if !coding.is_empty() && !CODINGS.contains(&coding) {
        return None;
    }
    let version: i64 = tag.parse().ok()?;
    (version.to_string() == tag).then_some(version)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, header};
    use proptest::{collection::vec, prelude::*};

    use super::{IfMatch, IfNoneMatch, Versions, etag, versions};

    fn read(lines: &[&str]) -> Option<Versions> {
        let mut headers = HeaderMap::new();
        for line in lines {
            let line = HeaderValue::from_bytes(line.as_bytes()).unwrap();
            headers.append(header::IF_MATCH, line);
        }
        versions(&headers, &header::IF_MATCH)
    }

    #[test]
    fn a_list_of_tags_is_read_wherever_it_is_divided() {
        let of = |known: &[i64]| Some(Versions::Of(known.to_vec()));
        assert_eq!(read(&[]), None);
        assert_eq!(read(&[" * "]), Some(Versions::Any));
        assert_eq!(read(&["\"3\""]), of(&[3]));
        assert_eq!(read(&["W/\"3\" ,\"4\"", "\"5\""]), of(&[3, 4, 5]));
        for foreign in [
            "\"\"",
            "\"a,b\\\"",
            "\"03\"",
            "\"+3\"",
            "\"키\"",
            "W/\"x\"",
            "\"3-other\"",
            "\"3gzip\"",
            "\"-gzip\"",
        ] {
            assert_eq!(read(&[foreign]), of(&[]), "{foreign}");
        }
    }

    #[test]
    fn what_is_no_list_of_tags_is_not_taken_for_one() {
        for wrong in [
            "",
            "3",
            "\"3",
            "w/\"3\"",
            "\"3\" \"4\"",
            "\"3\",",
            "*, \"3\"",
        ] {
            assert_eq!(read(&[wrong]), Some(Versions::Unreadable), "{wrong}");
        }
    }

    #[test]
    fn a_tag_that_a_proxy_has_changed_stands_for_its_version() {
        for tag in [
            "\"3\"",
            "W/\"3\"",
            "\"3-gzip\"",
            "\"3--gzip\"",
            "\"3;br\"",
            "W/\"3-zstd\"",
        ] {
            let tag = || read(&[tag]);
            assert!(IfMatch(tag()).hold(3).is_ok() && IfMatch(tag()).hold(4).is_err());
            assert!(IfNoneMatch(tag()).knows(3) && !IfNoneMatch(tag()).knows(4));
        }
        assert!(IfMatch(None).hold(3).is_ok() && !IfNoneMatch(None).knows(3));
    }

    proptest! {
        #[test]
        fn what_is_given_as_a_tag_is_read_as_the_version_that_it_stands_for(version: i64) {
            let (_, tag) = etag(version);
            prop_assert_eq!(read(&[&tag]), Some(Versions::Of(vec![version])));
        }

        #[test]
        fn no_header_makes_reading_panic(lines in vec("[ -~\u{80}-\u{ff}]{0,20}|[W/\"*, 0-9]{0,12}", 0..4)) {
            let _ = read(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        }
    }
}
