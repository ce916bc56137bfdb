//! A request that is repeated with its idempotency key, to any process.

use serde_json::json;
use testkit::{SystemOptions, eventually, http};

use crate::user::{SOON, User};

async fn send(api: &str, wait: Option<&str>) -> http::Response {
    let address = format!("{}/todo", api.trim_end_matches('/'));
    let mut headers = vec![
        ("content-type", "application/json"),
        ("idempotency-key", "order 66"),
    ];
    headers.extend(wait.map(|wait| ("prefer", wait)));
    let body = json!({ "item": "buy milk" }).to_string();
    let answer = http::request("POST", &address, &headers, body.as_bytes());
    answer.await.unwrap()
}

fn apis(user: &User) -> Vec<String> {
    let members = user.system.members().into_iter();
    let apis = members.filter(|member| member.service == "todo-api");
    apis.filter_map(|api| api.http).collect()
}

fn two_apis() -> SystemOptions {
    SystemOptions::default()
        .only(&["todo-api", "save-handler"])
        .scale("todo-api", 2)
}

#[tokio::test]
async fn every_process_gives_the_same_answer_also_after_all_of_them_were_started_again() {
    let mut user = User::start(two_apis()).await;
    let first = send(&apis(&user)[0], Some("wait=9")).await;
    assert_eq!(first.status, 201, "{}", first.text());
    let second = send(&apis(&user)[1], Some("wait=9")).await;
    for api in user.system.members_of("todo-api") {
        user.system.restart_member(&api).await.unwrap();
    }
    user.system.broker().restart().await.unwrap();
    let third = eventually("it is answered", SOON, async || {
        let answer = send(&apis(&user)[0], None).await;
        if answer.status == 503 {
            Err(answer.text())
        } else {
            Ok(answer)
        }
    })
    .await;
    for again in [second, third] {
        assert_eq!((again.status, again.text()), (201, first.text()));
        assert_eq!(again.header("location"), first.header("location"));
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
    }
    assert_eq!(user.sql("select count(*) from items").await, "1");
}

#[tokio::test]
async fn the_request_of_a_process_that_was_killed_over_the_wait_is_answered_by_another_at_once() {
    let mut user = User::start(two_apis()).await;
    let saver = user.system.members_of("save-handler").remove(0);
    user.system.stop_member(&saver).await.unwrap();
    let both = apis(&user);
    let first = both[0].clone();
    let unheard = tokio::spawn(async move {
        let address = format!("{}/todo", first.trim_end_matches('/'));
        let headers = [
            ("content-type", "application/json"),
            ("idempotency-key", "order 66"),
            ("prefer", "wait=3"),
        ];
        http::request("POST", &address, &headers, br#"{"item":"buy milk"}"#).await
    });
    eventually("it is stored", SOON, async || {
        user.messages("TODO").await == 1
    })
    .await;
    let killed = user.system.members_of("todo-api").remove(0);
    user.system.kill_member(&killed).await.unwrap();
    assert!(unheard.await.unwrap().is_err());

    // It may have been killed before it recorded that the request was accepted.
    let second = &both[1];
    let answered = eventually("it is answered", SOON, async || {
        let answer = send(second, None).await;
        if answer.status == 409 {
            Err(answer.text())
        } else {
            Ok(answer)
        }
    })
    .await;
    assert_eq!(answered.status, 202, "{}", answered.text());
    // However often it was published, the stream has it once.
    assert_eq!(user.messages("TODO").await, 1);
    user.system.restart_member(&saver).await.unwrap();
    user.sql_becomes("select count(*) from items", "1").await;
    assert_eq!(
        send(second, None).await.header("idempotency-replayed"),
        Some("true")
    );
}
