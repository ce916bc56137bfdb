//! Who may use the API, where that is not everybody.

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

/// The tokens of which a caller must have one. Without any, everybody may come.
#[derive(Clone, Default)]
pub struct Tokens(Arc<[String]>);

impl Tokens {
    /// The fewest characters of a token: what a machine can guess in a lifetime is shorter.
    const SHORTEST: usize = 16;

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Which of them this is, counted from 1. It compares with each of them to the end, so that the time
    /// it takes tells nothing of them but their lengths.
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

/// Lets through who has a token (RFC 6750), in the header `Authorization: Bearer …`.
pub(crate) async fn guard(
    State(tokens): State<Tokens>,
    mut request: Request,
    next: Next,
) -> Response {
    let mut given = request.headers().get_all(header::AUTHORIZATION).iter();
    let token = given.next().and_then(token_of);
    // Of several, another program on the way may have gone by another one.
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

/// The token in such a header, after one blank or more. The scheme's name is the same in capitals.
fn token_of(value: &HeaderValue) -> Option<&[u8]> {
    let value = value.as_bytes();
    let (scheme, token) = value.split_at(value.iter().position(|byte| *byte == b' ')?);
    let is_ours = scheme.eq_ignore_ascii_case(b"bearer");
    is_ours.then_some(token.trim_ascii())
}
