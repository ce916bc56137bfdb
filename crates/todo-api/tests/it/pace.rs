//! Rate limiting.

use std::{net::SocketAddr, time::Instant};

use axum::{
    body::Body,
    http::{Request, StatusCode, request::Builder},
};
use service::http::Peer;
use todo_api::Policy;

use crate::app::{Answer, TestApp};

const SLOWLY: Policy = Policy {
    api_tokens: None,
    cors_origins: None,
    require_if_match: false,
    requests_per_second: 1,
};

async fn ask(app: &TestApp, request: Builder) -> Answer {
    app.send(request.uri("/todo").body(Body::empty()).unwrap())
        .await
}

fn from(address: &str) -> Builder {
    let address: SocketAddr = address.parse().unwrap();
    Request::builder().extension(Peer(address))
}

fn with(token: &str) -> Builder {
    Request::builder().header("authorization", format!("Bearer {token}"))
}

/// Sends requests until one is refused, which takes two unless the machine pauses.
async fn too_often(app: &TestApp, request: impl Fn() -> Builder) -> Answer {
    assert_eq!(ask(app, request()).await.status, StatusCode::OK);
    for _ in 0..1_000 {
        let answer = ask(app, request()).await;
        if answer.status != StatusCode::OK {
            return answer;
        }
    }
    panic!("a thousand requests in a row, and none too many");
}

#[tokio::test]
async fn who_comes_too_often_is_told_when_to_come_again_and_nobody_else_is() {
    let app = TestApp::start_with(SLOWLY).await;
    let first = || from("192.0.2.1:4000");
    let refused = too_often(&app, first).await;
    refused.refuses(
        StatusCode::TOO_MANY_REQUESTS,
        "too-many-requests",
        "1 requests a second",
    );
    assert_eq!(refused.header("retry-after"), "1");
    // Another port is the same caller, another address is not.
    let other_port = ask(&app, from("192.0.2.1:4001")).await;
    assert_eq!(other_port.status, StatusCode::TOO_MANY_REQUESTS);
    let other = ask(&app, from("192.0.2.2:4000")).await;
    assert_eq!(other.status, StatusCode::OK);

    let refused_at = Instant::now();
    while ask(&app, first()).await.status != StatusCode::OK {
        assert!(refused_at.elapsed().as_secs() < 20, "refused for good");
    }
}

#[tokio::test]
async fn where_tokens_are_set_each_of_them_is_a_caller() {
    let (one, other) = ("first-0123456789abcdef", "second-0123456789abcdef");
    let policy = Policy {
        api_tokens: Some(format!("{one},{other}").parse().unwrap()),
        ..SLOWLY
    };
    let app = TestApp::start_with(policy).await;
    let refused = too_often(&app, || with(one)).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(ask(&app, with(other)).await.status, StatusCode::OK);
    // Who has no token is nobody's expense, and neither are the documents.
    let stranger = ask(&app, with("third-0123456789abcdef")).await;
    assert_eq!(stranger.status, StatusCode::UNAUTHORIZED);
    for _ in 0..3 {
        let document = app.get("/openapi.json").await;
        assert_eq!(document.status, StatusCode::OK);
    }
}
