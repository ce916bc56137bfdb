//! Outages: they delay, and lose nothing.

use std::fs;
use std::time::{Duration, Instant};

use testkit::{SystemOptions, eventually, http};

use crate::user::{SOON, User};

#[tokio::test]
async fn while_the_broker_is_down_posting_is_refused_in_time_and_the_typed_text_is_kept() {
    let mut user = User::start(SystemOptions::default().without("audit-handler")).await;
    user.system.broker().stop().await.unwrap();
    let started = Instant::now();
    let answer = user.post(&serde_json::json!({ "item": "buy milk" })).await;
    assert!(
        started.elapsed() < Duration::from_secs(2),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(answer.status, 503);
    assert!(answer.header("retry-after").is_some());
    let key = uuid::Uuid::now_v7().to_string();
    let answer = user.send_form("water the plants", &key).await;
    assert_eq!(answer.status, 503);
    assert!(answer.header("retry-after").is_some());
    let form = answer.text();
    assert!(
        form.contains("water the plants") && form.contains(&key),
        "{form}"
    );

    user.system.broker().restart().await.unwrap();
    let returned = Instant::now();
    eventually("posting works again", SOON, async || {
        user.send_form("water the plants", &key).await.status == 303
    })
    .await;
    user.saved(&key).await;
    assert!(
        returned.elapsed() < Duration::from_secs(5),
        "{:?}",
        returned.elapsed()
    );
}

#[tokio::test]
async fn while_the_database_is_down_posting_goes_on_and_nothing_is_blamed() {
    let mut user = User::start(SystemOptions::default()).await;
    user.system.postgres().stop().await.unwrap();
    let mut ids = Vec::new();
    for n in 0..20 {
        ids.push(user.add(&format!("item {n}")).await);
    }
    let page = user.page().await;
    assert!(
        page.contains("database"),
        "the page does not say why it is empty: {page}"
    );
    assert_eq!(user.get("/todo").await.status, 503);
    let web = user.system.web().unwrap();
    assert_eq!(
        http::get(&format!("{web}/livez")).await.unwrap().status,
        200
    );
    user.system.postgres().restart().await.unwrap();
    for id in &ids {
        user.saved(id).await;
    }
    user.quiet(&["save-handler", "audit-handler"]).await;
    assert_eq!(user.messages("DEAD_LETTERS").await, 0);
    assert_eq!(
        user.sql("select count(*) from items where version = 1")
            .await,
        "20"
    );
}

#[tokio::test]
async fn savers_that_are_killed_lose_nothing_and_double_nothing() {
    let mut user = User::start(SystemOptions::default().scale("save-handler", 3)).await;
    for n in 0..300 {
        user.add(&format!("item {n}")).await;
        if n % 100 == 50 {
            let member = user.system.members_of("save-handler").remove(0);
            user.system.kill_member(&member).await.unwrap();
            user.system.add_member("save-handler").await.unwrap();
        }
    }
    user.sql_becomes("select count(*) from items where version = 1", "300")
        .await;
    user.quiet(&["save-handler", "audit-handler"]).await;
    let saved =
        "select count(distinct event_id) from audit.events where subject = 'events.todo.itemsaved'";
    assert_eq!(user.sql(saved).await, "300");
    assert_eq!(user.messages("DEAD_LETTERS").await, 0);
}

#[tokio::test]
async fn services_start_without_their_servers_and_work_when_those_come() {
    let mut user = User::start(SystemOptions::default().only(&["todo-web"])).await;
    user.system.broker().stop().await.unwrap();
    user.system.postgres().stop().await.unwrap();
    let name = user
        .system
        .add_member_unready("save-handler")
        .await
        .unwrap();
    let api = user.system.add_member_unready("todo-api").await.unwrap();
    for member in user.system.members() {
        let alive = format!("{}/healthz", member.http.unwrap());
        assert_eq!(http::get(&alive).await.unwrap().status, 200, "{alive}");
    }
    assert_eq!([&name, &api], ["save-handler-1", "todo-api-1"]);
    user.system.postgres().restart().await.unwrap();
    user.system.broker().restart().await.unwrap();
    let id = eventually("posting works", SOON, async || {
        let answer = user.post(&serde_json::json!({ "item": "buy milk" })).await;
        (answer.status == 202).then(|| answer.json().unwrap()["id"].as_str().unwrap().to_owned())
    })
    .await;
    user.saved(&id).await;
}

#[tokio::test]
async fn a_stream_that_is_full_refuses_in_time_keeps_what_it_has_and_frees_itself_once_that_is_handled()
 {
    let options = SystemOptions::default()
        .env("setup", "STREAM_LIMIT_MIB", "4")
        .without("save-handler");
    let mut user = User::start(options).await;
    let item = serde_json::json!({ "item": "x".repeat(250) });
    let mut accepted = 0;
    let refused = loop {
        let started = Instant::now();
        let answer = user.post(&item).await;
        if answer.status != 202 {
            assert!(started.elapsed() < Duration::from_secs(2));
            break answer;
        }
        accepted += 1;
    };
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(refused.header("retry-after").is_some());
    assert!(accepted > 1_000, "{accepted}");

    user.system.add_member("save-handler").await.unwrap();
    eventually("posting works again", SOON, async || {
        let answer = user.post(&item).await;
        if answer.status == 202 {
            Ok(())
        } else {
            Err(answer.status)
        }
    })
    .await;
    user.quiet(&["save-handler", "audit-handler"]).await;
    let saved = user.sql("select count(*) from items").await;
    assert_eq!(saved, (accepted + 1).to_string());
    assert_eq!(user.messages("DEAD_LETTERS").await, 0);
}

#[tokio::test]
async fn in_whatever_order_everything_starts_it_works_in_the_end() {
    let mut user = User::start(SystemOptions::default().only(&[])).await;
    // Nothing is prepared: no tables, no streams.
    user.system.postgres().drop_database("todo").await.unwrap();
    user.system.postgres().stop().await.unwrap();
    user.system.broker().stop().await.unwrap();
    fs::remove_dir_all(user.system.dir().join("broker/store")).unwrap();
    for service in ["audit-handler", "todo-api", "save-handler", "todo-web"] {
        user.system.add_member_unready(service).await.unwrap();
    }
    user.system.broker().restart().await.unwrap();
    eventually("the groups wait for their stream", SOON, async || {
        ["audit-handler", "save-handler"].iter().all(|service| {
            let lines = user.system.lines_of(service);
            lines
                .iter()
                .any(|line| line.contains("waiting for the stream"))
        })
    })
    .await;
    let answer = user.post(&serde_json::json!({ "item": "buy milk" })).await;
    assert_eq!(answer.status, 503, "there is nowhere to put it");
    user.system.postgres().restart().await.unwrap();
    user.system.set_up().await.unwrap();
    let id = eventually("posting works", SOON, async || {
        let answer = user.post(&serde_json::json!({ "item": "buy milk" })).await;
        (answer.status == 202).then(|| answer.json().unwrap()["id"].as_str().unwrap().to_owned())
    })
    .await;
    user.saved(&id).await;
    user.sees("buy milk").await;
    user.quiet(&["save-handler", "audit-handler"]).await;
    assert_eq!(user.messages("DEAD_LETTERS").await, 0);
}
