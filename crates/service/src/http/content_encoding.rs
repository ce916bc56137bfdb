//! Content codings of bodies (RFC 9110, section 8.4).

use std::io::{self, Read};

use axum::{
    body::Bytes,
    http::{HeaderMap, HeaderValue, StatusCode, header},
};
use flate2::read::{MultiGzDecoder, ZlibDecoder};

use crate::problem::Problem;

use super::body::{broken, too_large};

/// The supported content codings, for `Accept-Encoding`.
const KNOWN: &str = "gzip, deflate";

/// The content coding of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ContentEncoding {
    None,
    Gzip,
    Deflate,
}

impl ContentEncoding {
    /// Reads `Content-Encoding`. Fails with 415 if the body has another coding, or more than one.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let lines = headers.get_all(header::CONTENT_ENCODING).iter();
        let mut coding = Self::None;
        for line in lines.map(HeaderValue::as_bytes) {
            for name in line.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                let next = match name.to_ascii_lowercase().as_slice() {
                    b"" | b"identity" => continue,
                    b"gzip" | b"x-gzip" => Self::Gzip,
                    b"deflate" => Self::Deflate,
                    _ => return Err(unknown()),
                };
                if coding != Self::None {
                    return Err(unknown());
                }
                coding = next;
            }
        }
        Ok(coding)
    }

    /// Decompresses the body. Fails with 413 if the result has more than `limit` bytes, however small the
    /// body is, and with 400 if the body is not in this coding.
    pub(super) fn unpack(self, body: Bytes, limit: usize) -> Result<Bytes, Problem> {
        let unpacked = match self {
            Self::None => return Ok(body),
            Self::Gzip => read(MultiGzDecoder::new(&*body), limit),
            Self::Deflate => read(ZlibDecoder::new(&*body), limit),
        };
        let unpacked =
            unpacked.map_err(|_| broken("the body is not packed as `Content-Encoding` says"))?;
        if unpacked.len() > limit {
            return Err(too_large(limit));
        }
        Ok(unpacked.into())
    }
}

/// Reads at most one byte more than the limit.
fn read(reader: impl Read, limit: usize) -> io::Result<Vec<u8>> {
    let mut unpacked = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    reader.take(most).read_to_end(&mut unpacked)?;
    Ok(unpacked)
}

/// Makes the problem 415 for a coding that is not supported.
fn unknown() -> Problem {
    let problem = Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported-content-encoding",
    );
    let problem = problem.header(header::ACCEPT_ENCODING, HeaderValue::from_static(KNOWN));
    problem.detail(
        "send the body as it is, or packed once, with `Content-Encoding: gzip` or `deflate`",
    )
}
