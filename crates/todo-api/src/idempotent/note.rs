//! What stands in the ledger under a key.

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

/// What makes a request the same: its method, its address and its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Fingerprint(Uuid);

/// Where fingerprints live.
const FINGERPRINTS: Uuid = Uuid::from_u128(0x3f91_66c8_2a0b_5d7e_b4d3_18f5_a07c_e926);

/// How a request with a key stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "camelCase")]
pub(super) enum Note {
    /// Somebody answers it.
    Taken {
        fingerprint: Fingerprint,
        /// If no answer is noted by then, none will be.
        #[serde(with = "time::serde::rfc3339")]
        until: OffsetDateTime,
    },
    /// It was answered.
    Answered(Answered),
    /// It was not accepted, and may be sent again.
    Free {
        /// The request that the key is for all the same, since something of it may be stored.
        fingerprint: Option<Fingerprint>,
    },
}

/// An answer.
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
        // Of an address that is made of parts, routes see the last.
        let whole = parts.extensions.get::<OriginalUri>();
        let uri = whole.map_or(&parts.uri, |OriginalUri(uri)| uri);
        let target = uri.path_and_query();
        let target = target.map_or("", |target| target.as_str());
        // No method or address has a line end, so that each part ends where it seems to.
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

    /// An answer that stays, unless it is too large to be noted.
    pub(super) fn answered(
        fingerprint: Fingerprint,
        parts: &response::Parts,
        body: &Bytes,
    ) -> Self {
        // As it is written, four bytes for three.
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

    /// A refusal. Whoever was told to change the request may do so under the same key; otherwise a part of
    /// the request may be stored, and another one under the same key would be taken for it.
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

    /// Whether the key is another request's.
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

    /// A note; none if it says what nobody understands, such as one of a later release.
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
