//! Many items in one request, through the whole system.

mod memory;

use std::fmt::Write;

use serde_json::{Value, json};
use testkit::{SystemOptions, http};

use crate::user::User;

/// Three savers save them in parallel; their order comes from the stream.
#[tokio::test]
async fn a_batch_stands_in_its_list_in_its_order_and_comes_once_however_often_it_is_sent() {
    let options = SystemOptions::default()
        .without("todo-web")
        .without("audit-handler")
        .scale("save-handler", 3)
        .scale("todo-api", 2);
    let user = User::start(options).await;
    let members = user.system.members().into_iter();
    let apis = members.filter(|member| member.service == "todo-api");
    let apis: Vec<_> = apis.filter_map(|api| api.http).collect();
    let mut body = String::new();
    for n in 0..1_000 {
        writeln!(body, "{}", json!({ "item": format!("item {n}") })).unwrap();
    }
    let headers = [
        ("content-type", "application/x-ndjson"),
        ("idempotency-key", "the same"),
    ];
    let mut answers = Vec::new();
    for api in apis.iter().cycle().take(3) {
        let address = format!("{}/todo/batch", api.trim_end_matches('/'));
        let answer = http::request("POST", &address, &headers, body.as_bytes()).await;
        let answer = answer.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        answers.push(answer.text());
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    let parts = answers[0]
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let ids: Vec<_> = parts.map(|part| part["id"].clone()).collect();
    user.sql_becomes("select count(*) from items", "1000").await;
    user.quiet(&["save-handler"]).await;
    let list = user.get("/todo?limit=1000").await.json().unwrap();
    let listed = list["items"].as_array().unwrap().iter();
    let listed: Vec<_> = listed.map(|item| item["id"].clone()).collect();
    assert_eq!(listed, ids);
    assert_eq!(user.sql("select count(*) from items").await, "1000");
}
