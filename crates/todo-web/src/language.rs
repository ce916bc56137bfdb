//! The visitor's language.

use std::convert::Infallible;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};

use crate::texts::{ENGLISH, KOREAN, Texts};

/// The texts for a visitor, in the language that the request accepts (`Accept-Language`).
#[derive(Clone, Copy)]
pub(crate) struct Language(pub(crate) &'static Texts);

impl Language {
    /// The best of our languages for a request; English if it asks for none of them.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut best = (&ENGLISH, 0.0);
        for value in headers.get_all(header::ACCEPT_LANGUAGE) {
            for wish in value.to_str().unwrap_or_default().split(',') {
                if let Some((texts, quality)) = understood(wish)
                    && quality > best.1
                {
                    best = (texts, quality);
                }
            }
        }
        Self(best.0)
    }
}

/// The texts for one language range, such as `ko-KR;q=0.8`, and its quality.
///
/// The crate `accept-language` is not used for this: it compares whole tags, so that `ko-KR` would
/// not find `ko`, and a quality of `NaN` upsets its sorting.
fn understood(wish: &str) -> Option<(&'static Texts, f32)> {
    let (tag, parameters) = wish.split_once(';').unwrap_or((wish, ""));
    let quality = match parameters.trim() {
        "" => 1.0,
        given => given.strip_prefix("q=")?.trim().parse().ok()?,
    };
    let primary = tag.trim().split('-').next()?;
    let texts = [&ENGLISH, &KOREAN]
        .into_iter()
        .find(|texts| texts.lang.eq_ignore_ascii_case(primary))?;
    (0.0..=1.0).contains(&quality).then_some((texts, quality))
}

impl<S: Send + Sync> FromRequestParts<S> for Language {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn language_of(header: &'static str) -> &'static str {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_LANGUAGE, header.parse().unwrap());
        Language::of(&headers).0.lang
    }

    #[test]
    fn the_most_wished_for_language_is_chosen() {
        assert_eq!(language_of("ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7"), "ko");
        assert_eq!(language_of("en-GB,en;q=0.9,ko;q=0.8"), "en");
        assert_eq!(language_of("fr, en;q=0.4, KO;q=0.5"), "ko");
    }

    #[test]
    fn a_refused_or_senseless_wish_does_not_count() {
        for header in [
            "ko;q=0",
            "ko;q=NaN",
            "ko;q=2",
            "ko;q=-1",
            "ko;level=1",
            "*",
            "fr",
            ",;,=",
        ] {
            assert_eq!(language_of(header), "en", "{header}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_wished_for_there_is_a_language(wishes: Vec<u8>) {
            let mut headers = HeaderMap::new();
            if let Ok(wishes) = HeaderValue::from_bytes(&wishes) {
                headers.insert(header::ACCEPT_LANGUAGE, wishes);
            }
            prop_assert!(["en", "ko"].contains(&Language::of(&headers).0.lang));
        }
    }
}
