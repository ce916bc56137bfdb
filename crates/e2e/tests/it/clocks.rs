//! Services with wrong clocks: by years, and by different ones.

use std::path::PathBuf;

use serde_json::json;
use testkit::{SystemOptions, http, install};

use crate::user::User;

/// Returns the library that gives a process another time.
fn faketime() -> PathBuf {
    install::ensure_packages(&["faketime"]).unwrap();
    let places = std::fs::read_dir("/usr/lib").unwrap().flatten();
    let libraries = places.map(|place| place.path().join("faketime/libfaketime.so.1"));
    let mut libraries = libraries.filter(|library| library.exists());
    libraries.next().unwrap()
}

/// Starts one more member of `service`, with another time.
async fn start(user: &mut User, service: &str, time: &str) -> String {
    let library = faketime();
    let env = [
        ("LD_PRELOAD", library.to_str().unwrap()),
        ("FAKETIME", &format!("@{time}")),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ];
    let name = user.system.add_member_with(service, &env).await.unwrap();
    let mut members = user.system.members().into_iter();
    members
        .find(|member| member.name == name)
        .unwrap()
        .http
        .unwrap()
}

#[tokio::test]
async fn services_whose_clocks_are_wrong_by_years_work_and_keep_the_order() {
    let only = ["audit-handler", "housekeeper"];
    let mut user = User::start(SystemOptions::default().only(&only)).await;
    let mut apis = Vec::new();
    for time in [
        "1970-01-01 00:01:00",
        "2000-01-01 00:00:00",
        "2200-06-01 00:00:00",
    ] {
        apis.push(start(&mut user, "todo-api", time).await);
    }
    for time in ["1970-01-02 00:00:00", "2199-01-01 00:00:00"] {
        start(&mut user, "save-handler", time).await;
    }
    let web = start(&mut user, "todo-web", "1980-01-01 00:00:00").await;

    let mut texts = Vec::new();
    for number in 0..9 {
        let api = &apis[number % apis.len()];
        let text = format!("item {number}");
        let headers = [("content-type", "application/json"), ("prefer", "wait=10")];
        let body = json!({ "item": text }).to_string();
        let url = format!("{api}/todo");
        let added = http::request("POST", &url, &headers, body.as_bytes())
            .await
            .unwrap();
        assert_eq!(added.status, 201, "{}", added.text());
        let location = added.header("location").unwrap();
        let other = &apis[(number + 1) % apis.len()];
        let url = format!("{other}{location}");
        let done = http::request("PATCH", &url, &headers, b"{\"completed\":true}")
            .await
            .unwrap();
        assert_eq!(done.status, 200, "{}", done.text());
        texts.push(text);
    }
    let typed = http::post_form(&format!("{web}/new"), &[("item", "typed")])
        .await
        .unwrap();
    assert_eq!(typed.status, 303, "{}", typed.text());
    texts.push("typed".to_owned());
    user.sql_becomes("select count(*) from items", "10").await;

    let list = http::get(&format!("{}/todo", apis[0]))
        .await
        .unwrap()
        .json()
        .unwrap();
    let listed = list["items"].as_array().unwrap().iter();
    let listed: Vec<_> = listed.map(|item| item["item"].as_str().unwrap()).collect();
    assert_eq!(listed, texts);
    let page = http::get(&format!("{web}/")).await.unwrap();
    assert!(
        page.status == 200 && page.text().contains("typed"),
        "{}",
        page.text()
    );
    user.quiet(&["save-handler", "audit-handler"]).await;
    assert_eq!(user.messages("DEAD_LETTERS").await, 0);
}
