//! Bearer tokens, where the API is not open to everybody.

use std::{str::FromStr, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use service::problem::Problem;
use subtle::{ConditionallySelectable, ConstantTimeEq};

use crate::pace::Caller;

/// The tokens of which a caller must have one. Empty: the API is open to everybody.
#[derive(Clone, Default)]
pub struct Tokens(Arc<[String]>);

impl Tokens {
    /// Shortest token, in characters: a shorter one could be guessed by a machine in a lifetime.
    const SHORTEST: usize = 16;

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the number of the matching token, counted from 1. Every token is compared to its end, so that
    /// the timing reveals nothing of them but their lengths.
    fn find(&self, given: &[u8]) -> Option<u32> {
        let mut found = 0;
        for (number, token) in (1..).zip(self.0.iter()) {
            found.conditional_assign(&number, token.as_bytes().ct_eq(given));
        }
        (found > 0).then_some(found)
    }
}

impl FromStr for Tokens {
    type Err = String;

    /// Reads tokens divided by commas.
    fn from_str(text: &str) -> Result<Self, String> {
        let tokens = text
            .split(',')
            .map(str::trim)
            .filter(|token| !token.is_empty());
        let fits = |token: &str| {
            token.len() >= Self::SHORTEST && token.bytes().all(|byte| byte.is_ascii_graphic())
        };
        let tokens: Option<_> = tokens
            .map(|token| fits(token).then(|| token.to_owned()))
            .collect();
        tokens.map(Self).ok_or_else(|| {
            format!(
                "expected tokens divided by commas, each of at least {} visible characters",
                Self::SHORTEST
            )
        })
    }
}

/// Admits requests with a token in the header `Authorization: Bearer …` (RFC 6750); answers 401 to others.
pub(crate) async fn guard(
    State(tokens): State<Tokens>,
    mut request: Request,
    next: Next,
) -> Response {
    let mut given = request.headers().get_all(header::AUTHORIZATION).iter();
    let token = given.next().and_then(token_of);
    // With several headers, a proxy before us may have gone by another one.
    let token = token.filter(|_| given.next().is_none());
    let known = token.and_then(|token| tokens.find(token));
    if let Some(number) = known {
        request.extensions_mut().insert(Caller::Token(number));
        return next.run(request).await;
    }
    let challenge = match token {
        Some(_) => "Bearer error=\"invalid_token\"",
        None => "Bearer",
    };
    let problem = Problem::new(StatusCode::UNAUTHORIZED, "unauthorized")
        .detail("send one of this service's tokens in the header `Authorization: Bearer …`");
    let challenge = (
        header::WWW_AUTHENTICATE,
        HeaderValue::from_static(challenge),
    );
    ([challenge], problem).into_response()
}

/// The token in the header, after one blank or more. The name of the scheme is case-insensitive.
fn token_of(value: &HeaderValue) -> Option<&[u8]> {
    let value = value.as_bytes();
    let (scheme, token) = value.split_at(value.iter().position(|byte| *byte == b' ')?);
    let is_ours = scheme.eq_ignore_ascii_case(b"bearer");
    is_ours.then_some(token.trim_ascii())
}
