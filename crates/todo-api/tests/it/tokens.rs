//! Bearer tokens.

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use todo_api::{Policy, Tokens};

use crate::app::{Answer, TestApp};

const FIRST: &str = "first-0123456789abcdef";
const SECOND: &str = "second-0123456789abcdef";

async fn ask(app: &TestApp, method: &str, authorization: Option<&str>) -> Answer {
    let request = Request::builder().method(method).uri("/todo");
    let request = match authorization {
        Some(value) => request.header("authorization", value),
        None => request,
    };
    let request = request.header("content-type", "application/json");
    app.send(request.body(Body::from(r#"{"item":"x"}"#)).unwrap())
        .await
}

#[tokio::test]
async fn where_tokens_are_set_only_who_has_one_of_them_gets_in() {
    let policy = Policy {
        api_tokens: Some(format!("{FIRST}, {SECOND}").parse().unwrap()),
        ..Policy::default()
    };
    let mut app = TestApp::start_with(policy).await;
    for method in ["GET", "POST", "DELETE", "OPTIONS"] {
        let answer = ask(&app, method, None).await;
        answer.refuses(StatusCode::UNAUTHORIZED, "unauthorized", "Bearer");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    let both = format!("Bearer {FIRST}, {SECOND}");
    let shorter = format!("Bearer {}", &FIRST[1..]);
    for wrong in [
        "Bearer ",
        "Bearer x",
        FIRST,
        "Basic Zmlyc3Q6",
        &both,
        &shorter,
    ] {
        let answer = ask(&app, "POST", Some(wrong)).await;
        answer.refuses(StatusCode::UNAUTHORIZED, "unauthorized", "Bearer");
    }
    assert!(app.published().await.is_empty());

    for token in [FIRST, SECOND] {
        for scheme in ["Bearer", "bearer", "BEARER "] {
            let answer = ask(&app, "POST", Some(&format!("{scheme} {token}"))).await;
            assert_eq!(answer.status, StatusCode::ACCEPTED);
        }
    }
    assert_eq!(app.published().await.len(), 6);
}

/// A proxy may have gone by the other header.
#[tokio::test]
async fn of_two_headers_that_say_who_calls_none_is_believed() {
    let policy = Policy {
        api_tokens: Some(FIRST.parse().unwrap()),
        ..Policy::default()
    };
    let app = TestApp::start_with(policy).await;
    for (one, other) in [("Basic Zmlyc3Q6", "Bearer"), ("Bearer", "Bearer")] {
        let mut request = Request::get("/todo").body(Body::empty()).unwrap();
        for value in [one.to_owned(), format!("{other} {FIRST}")] {
            let value = value.parse().unwrap();
            request.headers_mut().append("authorization", value);
        }
        let answer = app.send(request).await;
        answer.refuses(StatusCode::UNAUTHORIZED, "unauthorized", "Bearer");
    }
}

#[test]
fn a_token_that_can_be_guessed_is_refused_and_not_repeated() {
    for weak in [
        "secret",
        "0123456789abcde",
        &format!("{FIRST},secret"),
        "with space in the middle",
    ] {
        let refused = weak.parse::<Tokens>().err().unwrap();
        assert!(refused.contains("at least 16"), "{refused}");
        assert!(!refused.contains("secret"), "{refused}");
    }
    for none in ["", " ", ","] {
        assert!(none.parse::<Tokens>().is_ok());
    }
}

#[tokio::test]
async fn every_answer_says_that_it_is_data_for_nobody_to_keep() {
    let app = TestApp::start().await;
    for path in ["/todo", "/nowhere"] {
        let answer = app.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert!(
            answer
                .header("content-security-policy")
                .starts_with("default-src 'none'")
        );
    }
}
