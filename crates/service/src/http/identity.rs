//! Request ids.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

/// The header with the request id, in requests and responses.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A request id: the client's, if it sent a valid one, or a new one. It is in the response, in problem
/// documents and in the events that the request causes.
///
/// Clones share it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The longest id (in bytes) that is taken over from a client.
    const LIMIT: usize = 64;

    pub(crate) fn of(headers: &HeaderMap) -> Self {
        match headers.get(REQUEST_ID) {
            Some(given) if is_sensible(given.as_bytes()) => Self(given.clone()),
            _ => Self::new(),
        }
    }

    fn new() -> Self {
        let mut digits = Uuid::encode_buffer();
        let id = Uuid::now_v7().hyphenated().encode_lower(&mut digits);
        Self(HeaderValue::from_str(id).expect("hexadecimal digits and hyphens fit into a header"))
    }

    /// Returns the id as it is written.
    pub fn as_str(&self) -> &str {
        // Only plain ASCII is taken over, so this never fails.
        self.0.to_str().unwrap_or_default()
    }

    pub(crate) fn header(self) -> HeaderValue {
        self.0
    }
}

fn is_sensible(id: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=RequestId::LIMIT).contains(&id.len()) && id.iter().all(plain)
}
