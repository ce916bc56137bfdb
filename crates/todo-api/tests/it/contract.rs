//! `GET /asyncapi.yaml`

use axum::http::StatusCode;
use todo_api::Policy;

use crate::app::TestApp;

#[tokio::test]
async fn the_contract_is_for_everybody_also_where_callers_need_a_token() {
    let policy = Policy {
        api_tokens: Some("first-0123456789abcdef".parse().unwrap()),
        ..Policy::default()
    };
    let app = TestApp::start_with(policy).await;
    let refused = app.get("/todo").await;
    refused.refuses(StatusCode::UNAUTHORIZED, "unauthorized", "Bearer");
    let answer = app.get("/asyncapi.yaml").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-type"), "application/yaml");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    let text = answer.body.as_str().unwrap();
    assert!(text.contains("\nasyncapi: 3."), "{text}");
}
