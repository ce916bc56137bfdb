//! Who may use the API, where that is not everybody.

use std::{str::FromStr, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use service::problem::Problem;
use subtle::{Choice, ConstantTimeEq};

/// The tokens of which a caller must have one. Without any, everybody may come.
#[derive(Clone, Default)]
pub struct Tokens(Arc<[String]>);

impl Tokens {
    /// The fewest characters of a token: what a machine can guess in a lifetime is shorter.
    const SHORTEST: usize = 16;

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Compares with each of them to the end, so that the time it takes tells nothing of them but
    /// their lengths.
    fn admit(&self, given: &[u8]) -> bool {
        let none = Choice::from(0);
        let found = self
            .0
            .iter()
            .fold(none, |found, token| found | token.as_bytes().ct_eq(given));
        found.into()
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
pub(crate) async fn guard(State(tokens): State<Tokens>, request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION);
    let token = given.and_then(|value| {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token)
    });
    if token.is_some_and(|token| tokens.admit(token.trim().as_bytes())) {
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
