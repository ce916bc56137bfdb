//! The caller's key for a request that may be sent again.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, StatusCode, request::Parts},
};
use events::{Event, EventId, ItemId};
use service::problem::Problem;
use uuid::Uuid;

pub(crate) const HEADER: &str = "idempotency-key";

/// The longest key, in characters.
const LIMIT: usize = 255;

/// UUID namespace of event ids that are derived from a key, so that they meet no other identifiers.
const EVENTS: Uuid = Uuid::from_u128(0x52c1_08d7_3be4_5f4a_a6f9_710d_c48e_2b35);

/// The header `Idempotency-Key`, if there is one. Ids are derived from it, so a repeated request publishes
/// the same events, on every replica and without state.
///
/// Each operation needs a key of its own ([`crate::idempotent`]).
pub(crate) struct Key(Option<String>);

impl Key {
    /// Returns whether the request has a key.
    pub(crate) fn is_given(&self) -> bool {
        self.0.is_some()
    }

    /// The id of the item that the request adds.
    pub(crate) fn item(&self) -> ItemId {
        match &self.0 {
            Some(key) => ItemId::from_key(key),
            None => Uuid::now_v7().into(),
        }
    }

    /// The key of one item of a batch. No header can contain it, so it cannot collide with a caller's key.
    pub(crate) fn of_part(&self, index: usize) -> Self {
        Self(self.0.as_ref().map(|key| format!("{key}\n{index}")))
    }

    /// The id of the event of type `E` that the request publishes about `item`.
    pub(crate) fn event<E: Event>(&self, item: ItemId) -> EventId {
        match &self.0 {
            Some(key) => {
                let name = format!("{item}/{}/{key}", E::TYPE);
                Uuid::new_v5(&EVENTS, name.as_bytes()).into()
            }
            None => Uuid::now_v7().into(),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Key {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        read(&parts.headers).map(Self)
    }
}

pub(crate) fn read(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(HEADER).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let printable = |byte: &u8| matches!(byte, b' '..=b'~');
    let key = value.to_str().unwrap_or_default();
    let fits = (1..=LIMIT).contains(&key.len()) && key.as_bytes().iter().all(printable);
    if fits && values.next().is_none() {
        return Ok(Some(key.to_owned()));
    }
    let problem = Problem::new(StatusCode::BAD_REQUEST, "bad-idempotency-key");
    Err(problem.detail(format!(
        "`Idempotency-Key` must be given once and have 1 to {LIMIT} printable ASCII characters"
    )))
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue};
    use proptest::{collection::vec, prelude::*};

    use super::{HEADER, LIMIT, read};

    proptest! {
        #[test]
        fn a_key_is_taken_as_it_is_or_not_at_all(
            keys in vec(prop_oneof![vec(any::<u8>(), 0..300), "[ -~]{0,300}".prop_map(String::into_bytes)], 0..3),
        ) {
            let mut headers = HeaderMap::new();
            for key in &keys {
                if let Ok(value) = HeaderValue::from_bytes(key) {
                    headers.append(HEADER, value);
                }
            }
            match read(&headers) {
                Ok(None) => prop_assert!(headers.is_empty()),
                Ok(Some(key)) => {
                    prop_assert!((1..=LIMIT).contains(&key.len()));
                    let only = vec![HeaderValue::from_str(&key).unwrap()];
                    prop_assert_eq!(headers.get_all(HEADER).iter().cloned().collect::<Vec<_>>(), only);
                }
                Err(_) => prop_assert!(!headers.is_empty()),
            }
        }
    }
}
