//! Content negotiation: the media types that a caller accepts (RFC 9110, section 12.5.1).

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
};
use service::{http::outside_quotes, problem::Problem};

/// Specificity of a range that names one media type.
const EXACT: u8 = 2;

/// The caller takes JSON. Fails with 406 if the header `Accept` rules it out; without the header everything
/// is taken. Errors are problem documents also for callers who would rather have something else.
pub(crate) struct TakesJson;

impl<S: Send + Sync> FromRequestParts<S> for TakesJson {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        expect(&parts.headers, "application/json").map(|()| Self)
    }
}

/// Fails with 406 if the caller does not take an answer of this media type.
pub(crate) fn expect(headers: &HeaderMap, offer: &'static str) -> Result<(), Problem> {
    if takes(headers, offer) {
        return Ok(());
    }
    let problem = Problem::new(StatusCode::NOT_ACCEPTABLE, "not-acceptable");
    Err(problem.detail(format!(
        "the answer would be `{offer}`, which the header `Accept` rules out"
    )))
}

/// Tells whether the caller asks for this media type by its name.
pub(crate) fn names(headers: &HeaderMap, offer: &str) -> bool {
    said(headers, offer).1 == Some((EXACT, true))
}

/// Returns whether `offer` is acceptable. A header without any media range counts as absent.
fn takes(headers: &HeaderMap, offer: &str) -> bool {
    let (asked, narrowest) = said(headers, offer);
    narrowest.map_or(!asked, |(_, wanted)| wanted)
}

/// Returns whether the header has any media range, and, for the most specific range that matches `offer`, its
/// specificity and whether its weight is above 0. Parts that are no media range are ignored.
fn said(headers: &HeaderMap, offer: &str) -> (bool, Option<(u8, bool)>) {
    let lines = headers.get_all(header::ACCEPT).iter();
    let lines = lines.filter_map(|line: &HeaderValue| line.to_str().ok());
    let ranges = lines.flat_map(|line| outside_quotes(line, b','));
    let mut asked = false;
    let mut narrowest: Option<(u8, bool)> = None;
    for range in ranges {
        let mut parts = outside_quotes(range, b';');
        let Some((family, name)) = parts.next().and_then(|kind| kind.trim().split_once('/')) else {
            continue;
        };
        asked = true;
        if let Some(narrowness) = narrowness(family, name, offer) {
            narrowest = narrowest.max(Some((narrowness, !parts.any(is_never))));
        }
    }
    (asked, narrowest)
}

/// Returns the specificity of the media range, if `offer` matches it: 0 for `*/*`, 1 for `type/*`, [`EXACT`]
/// otherwise.
fn narrowness(family: &str, name: &str, offer: &str) -> Option<u8> {
    let (own_family, own_name) = offer.split_once('/')?;
    match (family, name) {
        ("*", "*") => Some(0),
        (family, "*") => family.eq_ignore_ascii_case(own_family).then_some(1),
        (family, name) => (family.eq_ignore_ascii_case(own_family)
            && name.eq_ignore_ascii_case(own_name))
        .then_some(EXACT),
    }
}

/// Returns whether the parameter is the weight 0 (`q=0`), which rules the range out.
fn is_never(parameter: &str) -> bool {
    let (name, value) = parameter.split_once('=').unwrap_or_default();
    let weight = value.trim().parse::<f32>();
    name.trim().eq_ignore_ascii_case("q") && weight.is_ok_and(|weight| weight <= 0.0)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, header};
    use proptest::{collection::vec, prelude::*};

    use super::takes;

    fn taken_by(lines: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for line in lines {
            let line = HeaderValue::from_bytes(line.as_bytes()).unwrap();
            headers.append(header::ACCEPT, line);
        }
        takes(&headers, "application/json")
    }

    #[test]
    fn json_is_taken_by_who_names_it_or_a_range_around_it_or_nothing() {
        for lines in [
            &[][..],
            &[""],
            &[", ,"],
            &["*/*"],
            &["application/*"],
            &["Application/JSON"],
            &["application/json; charset=utf-8"],
            &["text/html, application/xml;q=0.9, */*;q=0.8"],
            &["text/html", "application/json;q=0.001"],
            &["text/plain;x=\"a,b\", application/json"],
            &["*/*;q=0, application/json"],
            &["nonsense"],
        ] {
            assert!(taken_by(lines), "{lines:?}");
        }
    }

    #[test]
    fn json_is_not_taken_by_who_names_others_or_rules_it_out() {
        for lines in [
            &["text/html"][..],
            &["application/problem+json"],
            &["text/*"],
            &["*/*;q=0"],
            &["application/json;q=0, */*"],
            &["application/json; Q = 0.000", "application/*"],
            &["text/html, \"application/json\""],
            &["text/plain;x=\", application/json\""],
        ] {
            assert!(!taken_by(lines), "{lines:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_else_is_accepted_who_names_json_without_a_weight_takes_it(
            others in vec("[ -~&&[^\"]]{0,30}", 0..4),
        ) {
            let mut lines: Vec<_> = others.iter().map(String::as_str).collect();
            lines.push("application/json");
            prop_assert!(taken_by(&lines));
        }
    }
}
