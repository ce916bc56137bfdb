//! Percent-encoded texts, in addresses and forms.
//!
//! Decoders put U+FFFD where the bytes are no UTF-8, as browsers do, and so would make another text of the
//! one that was sent, or the same text of two. Nobody means that, so bytes that are no UTF-8 are refused
//! before they are decoded.

use axum::http::{StatusCode, Uri};
use percent_encoding::percent_decode;

use crate::problem::Problem;

/// Returns whether percent-encoded bytes are UTF-8 when they are decoded. The `%` of an invalid escape stands
/// for itself.
pub fn is_text(encoded: &[u8]) -> bool {
    percent_decode(encoded).decode_utf8().is_ok()
}

/// Fails with 400 if a part of the address is no UTF-8.
pub(super) fn check(address: &Uri) -> Result<(), Problem> {
    let Some(whole) = address.path_and_query() else {
        return Ok(());
    };
    // Most addresses have nothing to decode.
    let is_plain = whole
        .as_str()
        .bytes()
        .all(|byte| byte.is_ascii() && byte != b'%');
    if is_plain || is_text(whole.as_str().as_bytes()) {
        return Ok(());
    }
    Err(
        Problem::new(StatusCode::BAD_REQUEST, "bad-request").detail(
            "the address has bytes that are no text: write texts in UTF-8, and then percent-encode them",
        ),
    )
}
