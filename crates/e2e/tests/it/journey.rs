//! The walk-through of the product, without Docker.

use std::collections::BTreeMap;

use serde_json::json;
use testkit::{System, SystemOptions, eventually};
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::user::{SOON, User};

#[tokio::test]
async fn an_item_waits_in_the_stream_until_a_saver_comes() {
    let mut user = User::start(SystemOptions::default().only(&["todo-web"])).await;
    let answer = user.add_on_the_page("buy milk").await;
    let page = user.follow(&answer).await;
    assert!(
        !page.contains("buy milk"),
        "nobody can have saved it: {page}"
    );
    assert!(page.contains("Accepted"), "{page}");
    assert_eq!(user.messages("TODO").await, 1);
    assert_eq!(user.sql("select count(*) from items").await, "0");
    user.system.add_member("save-handler").await.unwrap();
    user.sees("buy milk").await;
}

#[tokio::test]
async fn an_operator_sees_each_event_as_it_is_published() {
    let user = User::start(SystemOptions::default().only(&["todo-api"])).await;
    let mut listener = user
        .todoctl(&["sub", "events.todo.newitem"])
        .spawn()
        .unwrap();
    let mut ready = BufReader::new(listener.stderr.take().unwrap()).lines();
    assert_eq!(
        ready.next_line().await.unwrap().unwrap(),
        "listening on events.todo.newitem"
    );
    let mut lines = BufReader::new(listener.stdout.take().unwrap()).lines();
    let id = user.add("buy milk").await;
    let line = lines.next_line().await.unwrap().unwrap();
    assert!(
        line.starts_with(&format!("events.todo.newitem  {id}  20")),
        "{line}"
    );
    assert!(line.contains(r#""item":"buy milk""#), "{line}");
    user.publish("events.todo.newitem", r#"{"item":"from anywhere"}"#)
        .await;
    let line = lines.next_line().await.unwrap().unwrap();
    assert!(line.ends_with(r#"{"item":"from anywhere"}"#), "{line}");
}

#[tokio::test]
async fn three_savers_share_sixty_items_and_each_is_saved_once() {
    let options = SystemOptions::default()
        .without("audit-handler")
        .scale("save-handler", 3);
    let user = User::start(options).await;
    for n in 0..60 {
        user.add(&format!("item {n}")).await;
    }
    user.sql_becomes("select count(*) from items where version = 1", "60")
        .await;
    user.quiet(&["save-handler"]).await;
    let shares: BTreeMap<_, _> = user
        .system
        .members_of("save-handler")
        .into_iter()
        .map(|member| {
            let lines = user.system.lines(&member).unwrap();
            let saved = lines
                .iter()
                .filter(|line| line.contains("saved item"))
                .count();
            (member, saved)
        })
        .collect();
    assert_eq!(shares.values().sum::<usize>(), 60, "{shares:?}");
    assert!(shares.values().all(|share| *share >= 10), "{shares:?}");
    // Two per member: one for its work, one for its health probe.
    let connections =
        "select count(*) from pg_stat_activity where application_name like 'save-handler%'";
    let connections: u32 = user.sql(connections).await.parse().unwrap();
    assert!(connections <= 6, "{connections} connections");
}

#[tokio::test]
async fn an_audit_that_comes_late_gets_every_event_since_the_first() {
    let mut user = User::start(SystemOptions::default().without("audit-handler")).await;
    for n in 0..5 {
        let id = user.add(&format!("item {n}")).await;
        user.saved(&id).await;
    }
    let members = user.system.members();
    let audit = user.system.add_member("audit-handler").await.unwrap();
    let before: Vec<_> = members
        .iter()
        .map(|member| (member.name.clone(), member.pid))
        .collect();
    eventually("the audit has logged each item", SOON, async || {
        let lines = user.system.lines(&audit).unwrap();
        let logged = |n| {
            lines
                .iter()
                .any(|line| line.contains("AUDIT @ ") && line.contains(&format!(": item {n}")))
        };
        (0..5).all(logged)
    })
    .await;
    user.quiet(&["save-handler", "audit-handler"]).await;
    let events = user.messages("TODO").await.to_string();
    assert_eq!(user.sql("select count(*) from audit.events").await, events);
    let after = user.system.members();
    assert!(before.iter().all(|(name, pid)| {
        after
            .iter()
            .any(|member| member.name == *name && member.pid == *pid)
    }));
}

#[tokio::test]
async fn an_item_added_by_the_api_is_everywhere_and_can_be_changed_from_everywhere() {
    let user = User::start(SystemOptions::default()).await;
    let text = "홍보 비디오 촬영";
    let answer = user.post(&json!({ "item": text })).await;
    assert_eq!(answer.status, 202);
    let id = answer.json().unwrap()["id"].as_str().unwrap().to_owned();
    assert_eq!(
        answer.header("location"),
        Some(format!("/todo/{id}").as_str())
    );
    assert_eq!(user.saved(&id).await["item"], text);
    user.sees(text).await;
    let list = user.get("/todo").await.json().unwrap();
    assert_eq!(list["items"][0]["id"], id.as_str());
    let audit = user.system.members_of("audit-handler").remove(0);
    eventually("the audit has it", SOON, async || {
        user.system
            .lines(&audit)
            .unwrap()
            .iter()
            .any(|line| line.contains(text))
    })
    .await;

    let patch = json!({ "item": "shoot the film", "completed": true, "order": 1.5 }).to_string();
    assert_eq!(
        user.send("PATCH", &format!("/todo/{id}"), &patch)
            .await
            .status,
        202
    );
    eventually("the change is saved", SOON, async || {
        let item = user.saved(&id).await;
        let changed =
            item["item"] == "shoot the film" && item["completed"] == true && item["order"] == 1.5;
        if changed { Ok(()) } else { Err(item) }
    })
    .await;
    let renamed = user
        .change_on_the_page(&id, "rename", &[("item", "cut the film")])
        .await;
    assert_eq!(renamed.status, 303);
    user.sees("cut the film").await;
    assert_eq!(
        user.change_on_the_page(&id, "reopen", &[]).await.status,
        303
    );
    eventually("it is open again", SOON, async || {
        user.saved(&id).await["completed"] == false
    })
    .await;
    assert_eq!(
        user.send("DELETE", &format!("/todo/{id}"), "").await.status,
        202
    );
    eventually("it is gone", SOON, async || {
        user.get(&format!("/todo/{id}")).await.status == 404
    })
    .await;
    assert!(!user.page().await.contains("cut the film"));
}

#[tokio::test]
async fn a_form_that_is_sent_twice_adds_one_item() {
    let user = User::start(SystemOptions::default().without("audit-handler")).await;
    let key = uuid::Uuid::now_v7().to_string();
    for _ in 0..2 {
        assert_eq!(user.send_form("buy milk", &key).await.status, 303);
    }
    user.saved(&key).await;
    user.quiet(&["save-handler"]).await;
    assert_eq!(
        user.sql("select count(*), max(version) from items").await,
        "1|1"
    );
}

#[tokio::test]
async fn a_system_that_logs_nothing_gets_ready_and_saves() {
    let options = SystemOptions {
        log_filter: Some("off".to_owned()),
        ..SystemOptions::default()
    };
    let user = User::start(options).await;
    let id = user.add("buy milk").await;
    user.saved(&id).await;
    for member in user.system.members() {
        let lines = user.system.lines(&member.name).unwrap();
        assert_eq!(lines, [] as [String; 0], "{}", member.name);
    }
}

#[tokio::test]
async fn a_stop_is_clean_and_the_next_start_has_everything_at_the_same_addresses() {
    let dir = tempfile::tempdir().unwrap();
    let options = SystemOptions {
        dir: Some(dir.path().to_owned()),
        ..SystemOptions::default()
    };
    let user = User::start(options.clone()).await;
    let id = user.add("buy milk").await;
    user.saved(&id).await;
    let addresses = |system: &System| {
        let members = system.members().into_iter().map(|member| member.http);
        let mut addresses: Vec<_> = members.map(Option::unwrap).collect();
        addresses.extend([system.nats(), system.database(), system.monitor()]);
        addresses
    };
    let before = addresses(&user.system);
    let started = std::time::Instant::now();
    let ends = user.system.stop().await.unwrap();
    assert!(ends.iter().all(|end| end.status.success()), "{ends:?}");
    assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
    let user = User::start(options).await;
    assert_eq!(user.saved(&id).await["item"], "buy milk");
    assert_eq!(addresses(&user.system), before);
    user.system.stop().await.unwrap();
}
