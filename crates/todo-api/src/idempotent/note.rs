//! The key-value entry under an `Idempotency-Key`.

use axum::{
    body::Bytes,
    extract::OriginalUri,
    http::{StatusCode, request, response},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use bus::MAX_ENTRY_BYTES;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// Identity of a request: a hash of its method, address and body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Fingerprint(Uuid);

/// UUID namespace of fingerprints.
const FINGERPRINTS: Uuid = Uuid::from_u128(0x3f91_66c8_2a0b_5d7e_b4d3_18f5_a07c_e926);

/// State of a request with a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "camelCase")]
pub(super) enum Note {
    /// It is being answered.
    Taken {
        fingerprint: Fingerprint,
        /// End of the lease: if no response is stored by then, none will be.
        #[serde(with = "time::serde::rfc3339")]
        until: OffsetDateTime,
    },
    /// It was answered.
    Answered(Answered),
    /// It was not accepted, and may be sent again.
    Free {
        /// The request that the key stays bound to, since something of it may be stored.
        fingerprint: Option<Fingerprint>,
    },
}

/// A stored response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Answered {
    fingerprint: Fingerprint,
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    #[serde(serialize_with = "encode", deserialize_with = "decode")]
    pub(super) body: Bytes,
}

impl Fingerprint {
    pub(super) fn of(parts: &request::Parts, body: &[u8]) -> Self {
        // A nested router sees only the end of the path.
        let whole = parts.extensions.get::<OriginalUri>();
        let uri = whole.map_or(&parts.uri, |OriginalUri(uri)| uri);
        let target = uri.path_and_query();
        let target = target.map_or("", |target| target.as_str());
        // No method or address has a line break, so the parts cannot run into each other.
        let mut text = format!("{}\n{target}\n", parts.method).into_bytes();
        text.extend_from_slice(body);
        Self(Uuid::new_v5(&FINGERPRINTS, &text))
    }
}

impl Note {
    pub(super) fn taken(fingerprint: Fingerprint, lease_s: u32) -> Self {
        let until = OffsetDateTime::now_utc() + Duration::seconds(lease_s.into());
        Self::Taken { fingerprint, until }
    }

    /// A response to be replayed; one that is too large for an entry only frees the key for the same request.
    pub(super) fn answered(
        fingerprint: Fingerprint,
        parts: &response::Parts,
        body: &Bytes,
    ) -> Self {
        // Base64 takes four bytes for three.
        if body.len() > MAX_ENTRY_BYTES / 2 {
            let fingerprint = Some(fingerprint);
            return Self::Free { fingerprint };
        }
        let headers = parts.headers.iter();
        let headers = headers.filter_map(|(name, value)| {
            let value = value.to_str().ok()?;
            Some((name.as_str().to_owned(), value.to_owned()))
        });
        Self::Answered(Answered {
            fingerprint,
            status: parts.status.as_u16(),
            headers: headers.collect(),
            body: body.clone(),
        })
    }

    /// A refusal. After one that says to change the request, another request may use the same key; otherwise
    /// a part of the request may be stored, and another one under the same key would be taken for it.
    pub(super) fn free(fingerprint: Fingerprint, status: StatusCode) -> Self {
        let unread = matches!(
            status,
            StatusCode::BAD_REQUEST
                | StatusCode::NOT_ACCEPTABLE
                | StatusCode::PAYLOAD_TOO_LARGE
                | StatusCode::UNSUPPORTED_MEDIA_TYPE
                | StatusCode::UNPROCESSABLE_ENTITY
        );
        Self::Free {
            fingerprint: (!unread).then_some(fingerprint),
        }
    }

    /// Returns whether the key is bound to another request.
    pub(super) fn is_of_another(&self, fingerprint: Fingerprint) -> bool {
        let own = match self {
            Self::Taken { fingerprint, .. } => Some(*fingerprint),
            Self::Answered(answered) => Some(answered.fingerprint),
            Self::Free { fingerprint } => *fingerprint,
        };
        own.is_some_and(|own| own != fingerprint)
    }

    pub(super) fn to_bytes(&self) -> Bytes {
        serde_json::to_vec(self).unwrap_or_default().into()
    }

    /// Parses an entry; none if it is not understood, such as one of a later release.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }
}

fn encode<S: Serializer>(body: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&BASE64_STANDARD.encode(body))
}

fn decode<'d, D: Deserializer<'d>>(deserializer: D) -> Result<Bytes, D::Error> {
    let text = String::deserialize(deserializer)?;
    let body = BASE64_STANDARD.decode(text).map_err(D::Error::custom)?;
    Ok(body.into())
}
