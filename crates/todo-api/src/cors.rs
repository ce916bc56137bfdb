//! Cross-origin requests from browsers (CORS).

use std::{convert::Infallible, str::FromStr, time::Duration};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderName, HeaderValue, Method, header},
    middleware::{self, Next},
    response::Response,
};
use service::http::REQUEST_ID;
use tower::{Layer, ServiceExt, service_fn};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};
use url::Url;

use crate::idempotent::REPLAYED;

/// Time for which a browser may cache the answer to a preflight request.
const REMEMBERED: Duration = Duration::from_hours(1);

/// Methods that pages of allowed origins may use.
const METHODS: [Method; 5] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PATCH,
    Method::DELETE,
];

/// Response headers exposed to pages, beside those that browsers always expose.
const READ: [HeaderName; 11] = [
    header::ACCEPT_ENCODING,
    HeaderName::from_static("accept-patch"),
    header::ALLOW,
    header::ETAG,
    header::LINK,
    header::LOCATION,
    header::RETRY_AFTER,
    header::WWW_AUTHENTICATE,
    HeaderName::from_static("preference-applied"),
    REPLAYED,
    REQUEST_ID,
];

/// The origins whose pages may use the API. No browser lets a page of another one do so.
///
/// No cookies are involved, and none are allowed: who needs a token sends it in a header.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Origins(Allowed);

#[derive(Clone, Debug, Default, PartialEq)]
enum Allowed {
    /// Not set.
    #[default]
    Unsaid,
    Nobody,
    Everybody,
    These(Vec<HeaderValue>),
}

impl Origins {
    /// Returns the layer for these origins, none if no origin is allowed; the `usual` one if no origins are
    /// set.
    pub(crate) fn layer(&self, usual: Option<CorsLayer>) -> Option<CorsLayer> {
        let origins = match &self.0 {
            Allowed::Unsaid => return usual,
            Allowed::Nobody => return None,
            Allowed::Everybody => AllowOrigin::any(),
            Allowed::These(origins) => AllowOrigin::list(origins.iter().cloned()),
        };
        Some(for_pages_of(origins))
    }
}

/// Builds a layer that allows everything to pages of `origins`. Any request header is allowed, such as those
/// that libraries add for event streams and traces: no header gives a request more rights than its user has.
pub(crate) fn for_pages_of(origins: AllowOrigin) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods(METHODS)
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(READ)
        .max_age(REMEMBERED)
}

impl FromStr for Origins {
    type Err = String;

    /// Reads origins divided by commas, `*` for all, or `none`.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "*" => return Ok(Self(Allowed::Everybody)),
            "none" => return Ok(Self(Allowed::Nobody)),
            _ => {}
        }
        let origins = text.split(',').map(str::trim);
        let origins = origins.filter(|origin| !origin.is_empty()).map(|text| {
            let url = Url::parse(text).ok();
            let url = url.filter(|url| matches!(url.scheme(), "http" | "https"));
            // As a browser writes it: without a path, or a port that goes without saying.
            let origin = url.map(|url| url.origin().ascii_serialization());
            let same = |origin: &String| text.trim_end_matches('/').eq_ignore_ascii_case(origin);
            origin.filter(same)?.try_into().ok()
        });
        match origins.collect::<Option<Vec<HeaderValue>>>() {
            None => Err(
                "expected `*`, `none`, or origins divided by commas, such as https://todo.example:8443"
                    .to_owned(),
            ),
            Some(origins) if origins.is_empty() => Ok(Self::default()),
            Some(origins) => Ok(Self(Allowed::These(origins))),
        }
    }
}

/// Puts `layer` before the `routes`.
pub(crate) fn shared(routes: Router, layer: CorsLayer) -> Router {
    routes.layer(middleware::from_fn_with_state(layer, share))
}

/// Runs the CORS layer, except for `OPTIONS` requests that are no preflight requests: the layer would answer
/// every `OPTIONS` itself.
async fn share(State(layer): State<CorsLayer>, request: Request, next: Next) -> Response {
    let asked = request.headers();
    let asked = asked.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    if request.method() == Method::OPTIONS && !asked {
        return next.run(request).await;
    }
    let rest = service_fn(|request| {
        let next = next.clone();
        async { Ok::<_, Infallible>(next.run(request).await) }
    });
    let Ok(response) = layer.layer(rest).oneshot(request).await;
    response
}

#[cfg(test)]
mod tests {
    use super::{Allowed, Origins};

    #[test]
    fn origins_are_written_as_browsers_write_them() {
        let read = |text: &str| text.parse::<Origins>().map(|origins| origins.0);
        assert_eq!(read(""), Ok(Allowed::Unsaid));
        assert_eq!(read(" none"), Ok(Allowed::Nobody));
        assert_eq!(read(" * "), Ok(Allowed::Everybody));
        let two = ["https://a.example", "http://localhost:8080"].map(|text| text.parse().unwrap());
        assert_eq!(
            read("https://A.example/, http://localhost:8080,"),
            Ok(Allowed::These(two.to_vec()))
        );
        for wrong in [
            "a.example",
            "https://a.example/todo",
            "https://a.example:443",
            "file:///x",
            "*, https://a.example",
            "https://user@a.example",
            "null",
            "none, https://a.example",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
