//! The headers of published events.

use std::cell::RefCell;

use async_nats::{HeaderMap, header::HeaderName};
use events::{Envelope, header};

/// Headers with the same values in all events of one kind from one source.
const COMMON: [&str; 4] = [
    header::SPEC_VERSION,
    header::SOURCE,
    header::TYPE,
    header::CONTENT_TYPE,
];

/// Number of templates that are kept; a service publishes events of a few kinds.
const KEPT: usize = 16;

thread_local! {
    static TEMPLATES: RefCell<Vec<Template>> = const { RefCell::new(Vec::new()) };
}

/// The headers of an event, to be copied for the next of its kind.
struct Template {
    /// The names, with the value where it is common.
    names: Vec<(&'static str, Option<String>)>,
    headers: HeaderMap,
}

/// Returns the headers of an envelope, in the client library's type.
///
/// The client's map hashes each name several times while it grows, which is the most expensive part of
/// publishing. So the map is a copy of one that was made before.
pub(crate) fn headers(envelope: &Envelope) -> HeaderMap {
    TEMPLATES.with_borrow_mut(|templates| {
        let known = templates.iter().position(|known| known.fits(envelope));
        let known = known.unwrap_or_else(|| {
            if templates.len() == KEPT {
                templates.clear();
            }
            templates.push(Template::of(envelope));
            templates.len() - 1
        });
        let mut headers = templates[known].headers.clone();
        for (name, value) in &envelope.headers {
            if !COMMON.contains(name) {
                headers.insert(HeaderName::from_static(name), value.as_str());
            }
        }
        headers
    })
}

impl Template {
    fn of(envelope: &Envelope) -> Self {
        let mut headers = HeaderMap::new();
        let names = envelope.headers.iter().map(|(name, value)| {
            headers.insert(HeaderName::from_static(name), value.as_str());
            (*name, COMMON.contains(name).then(|| value.clone()))
        });
        Self {
            names: names.collect(),
            headers,
        }
    }

    fn fits(&self, envelope: &Envelope) -> bool {
        let same =
            |((name, common), (other, value)): (&(&str, Option<String>), &(&str, String))| {
                name == other && common.as_ref().is_none_or(|common| common == value)
            };
        self.names.len() == envelope.headers.len()
            && self.names.iter().zip(&envelope.headers).all(same)
    }
}

#[cfg(test)]
mod tests {
    use async_nats::HeaderValue;
    use events::{Envelope, ItemDeleted, ItemId, header};
    use time::OffsetDateTime;
    use uuid::Uuid;

    use super::{KEPT, headers};

    fn envelope(source: &str, request: Option<&str>) -> Envelope {
        let id = ItemId::from(Uuid::now_v7());
        let event = ItemDeleted { id };
        Envelope::seal(&event, id.into(), source, OffsetDateTime::now_utc())
            .with(header::CORRELATION_ID, request.map(str::to_owned))
    }

    #[test]
    fn each_envelope_has_its_own_headers_and_no_others() {
        let others = (0..2 * KEPT).map(|number| envelope(&format!("service-{number}"), None));
        let mut envelopes: Vec<_> = others.collect();
        for _ in 0..2 {
            envelopes.push(envelope("tester", Some("one")));
            envelopes.push(envelope("tester", None));
            envelopes.push(envelope("tester", Some("two")));
        }
        for envelope in envelopes {
            let headers = headers(&envelope);
            assert_eq!(headers.len(), envelope.headers.len());
            for (name, value) in &envelope.headers {
                let values = headers.get_all(*name).map(HeaderValue::as_str);
                assert_eq!(values.collect::<Vec<_>>(), [value], "{name}");
            }
        }
    }
}
