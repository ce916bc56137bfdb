//! Tests that every error is a problem document, wherever it comes from.

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{StatusCode, header},
    response::Response,
    routing::{get, post},
};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use service::{
    http::{RequestId, ResponseFormat, with_request_layer},
    problem::{Problem, documented},
};
use tower::ServiceExt;

struct Documents;

impl ResponseFormat for Documents {
    fn of(_: &Request) -> Self {
        Self
    }

    fn apply(self, response: Response, id: &RequestId) -> Response {
        documented(response, id)
    }
}

async fn ask(method: &str, path: &str) -> (Response, Value) {
    let failing = get(async || -> Result<(), Problem> {
        Err(Problem::invalid("item", "must not be empty").field("list", "must not be empty"))
    });
    let routes = Router::new()
        .route("/invalid", failing)
        .route(
            "/away",
            get(async || Problem::unavailable(2, "the broker is away")),
        )
        .route("/bug", get(async || StatusCode::INTERNAL_SERVER_ERROR))
        .route("/fine", post(async || "fine"));
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("x-request-id", "r-1");
    let request = request.body(Body::empty()).unwrap();
    let response = with_request_layer::<Documents>(routes)
        .oneshot(request)
        .await
        .unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let document = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    (Response::from_parts(parts, Body::empty()), document)
}

fn header_of<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

#[tokio::test]
async fn a_problem_names_each_field_and_the_request() {
    let (response, document) = ask("GET", "/invalid").await;
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(
        header_of(&response, "content-type"),
        Some("application/problem+json")
    );
    let expected = json!({
        "type": "/problems/invalid-field",
        "title": "Unprocessable Entity",
        "status": 422,
        "errors": [
            { "field": "item", "detail": "must not be empty" },
            { "field": "list", "detail": "must not be empty" },
        ],
        "requestId": "r-1",
    });
    assert_eq!(document, expected);
}

#[tokio::test]
async fn what_passes_says_when_to_try_again() {
    let (response, document) = ask("GET", "/away").await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(header_of(&response, "retry-after"), Some("2"));
    assert_eq!(document["detail"], "the broker is away");
}

#[tokio::test]
async fn errors_of_the_router_and_bare_statuses_are_problems_too() {
    let (response, document) = ask("GET", "/nowhere").await;
    assert_eq!(
        (response.status().as_u16(), &document["status"]),
        (404, &json!(404))
    );
    let (response, document) = ask("GET", "/fine").await;
    assert_eq!(
        (response.status().as_u16(), &document["status"]),
        (405, &json!(405))
    );
    assert_eq!(header_of(&response, header::ALLOW.as_str()), Some("POST"));
    let (response, document) = ask("GET", "/bug").await;
    assert_eq!(
        (response.status().as_u16(), &document["type"]),
        (500, &json!("/problems/internal"))
    );
    assert_eq!(document.get("detail"), None);
}

#[tokio::test]
async fn what_works_is_left_alone() {
    let (response, document) = ask("POST", "/fine").await;
    assert_eq!((response.status().as_u16(), document), (200, Value::Null));
    assert_eq!(header_of(&response, "x-request-id"), Some("r-1"));
}
