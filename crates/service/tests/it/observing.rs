//! Tests of request ids.

use axum::{Extension, Router, body::Body, http::Request, routing::get};
use http_body_util::BodyExt;
use service::http::{RequestId, observed};
use tower::ServiceExt;

async fn identity(given: Option<&str>) -> (String, String) {
    let show = get(async |Extension(id): Extension<RequestId>| id.as_str().to_owned());
    let request = Request::builder().uri("/");
    let request = match given {
        Some(id) => request.header("x-request-id", id),
        None => request,
    };
    let routes = observed(Router::new().route("/", show));
    let response = routes
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    let header = response.headers()["x-request-id"]
        .to_str()
        .unwrap()
        .to_owned();
    let seen = response.into_body().collect().await.unwrap().to_bytes();
    (header, String::from_utf8(seen.to_vec()).unwrap())
}

#[tokio::test]
async fn a_callers_identity_is_kept_and_given_back() {
    assert_eq!(
        identity(Some("order-17.a_b")).await,
        ("order-17.a_b".into(), "order-17.a_b".into())
    );
}

#[tokio::test]
async fn a_request_without_a_sensible_identity_gets_one() {
    let long = "x".repeat(65);
    for given in [
        None,
        Some(""),
        Some("two words"),
        Some("<script>"),
        Some(long.as_str()),
    ] {
        let (header, seen) = identity(given).await;
        assert_eq!(header, seen);
        assert_ne!(Some(header.as_str()), given);
        assert_eq!(header.len(), 36);
    }
}
