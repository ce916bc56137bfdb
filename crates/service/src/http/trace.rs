//! The caller's place in a trace, made one line of each of its headers (W3C Trace Context, sections 3.2 and 3.3).

use axum::http::{HeaderMap, HeaderName, HeaderValue};

const PARENT: HeaderName = HeaderName::from_static("traceparent");
const STATE: HeaderName = HeaderName::from_static("tracestate");

/// Joins the lines of `tracestate` in their order, as the systems on the way have added them; takes both headers away
/// where there are several places, of which none can be known to be the right one.
pub(super) fn gather(headers: &mut HeaderMap) {
    if headers.get_all(PARENT).iter().nth(1).is_some() {
        headers.remove(PARENT);
        headers.remove(STATE);
    }
    let lines: Vec<_> = headers.get_all(STATE).iter().collect();
    if lines.len() < 2 {
        return;
    }
    let lines: Vec<_> = lines.into_iter().map(HeaderValue::as_bytes).collect();
    match HeaderValue::from_bytes(&lines.join(&b","[..])) {
        Ok(state) => headers.insert(STATE, state),
        Err(_) => headers.remove(STATE),
    };
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderName, HeaderValue};

    use super::gather;

    fn gathered(lines: &[(&'static str, &'static str)]) -> Vec<(String, String)> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let name = HeaderName::from_static(name);
            headers.append(name, HeaderValue::from_static(value));
        }
        gather(&mut headers);
        let headers = headers.iter();
        let text = |value: &HeaderValue| value.to_str().unwrap().to_owned();
        headers
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect()
    }

    fn owned(lines: &[(&str, &str)]) -> Vec<(String, String)> {
        let lines = lines.iter();
        lines
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn the_lines_of_a_state_are_one_in_their_order() {
        let lines = [("tracestate", "b=2,a=1"), ("x", "y"), ("tracestate", "c=3")];
        assert_eq!(
            gathered(&lines),
            owned(&[("tracestate", "b=2,a=1,c=3"), ("x", "y")])
        );
        let plain = [("traceparent", "p"), ("tracestate", "a=1")];
        assert_eq!(gathered(&plain), owned(&plain));
    }

    #[test]
    fn of_several_places_in_a_trace_none_is_taken() {
        let lines = [
            ("traceparent", "p"),
            ("tracestate", "a=1"),
            ("traceparent", "q"),
        ];
        assert_eq!(gathered(&lines), owned(&[]));
    }
}
