//! Other set-ups of the database: behind a pooler, with TLS, or unsuitable.

use std::{collections::BTreeMap, fs, process::Output, time::Duration};

use serde_json::json;
use testkit::{PgBouncer, PoolMode, SystemOptions, eventually, http};
use tokio::{process::Command, time::timeout};

use crate::user::{SOON, User};

const SERVICES: [&str; 4] = ["todo-web", "todo-api", "save-handler", "audit-handler"];

fn passwords(user: &User) -> BTreeMap<String, String> {
    let kept = fs::read(user.system.dir().join("passwords.json")).unwrap();
    serde_json::from_slice(&kept).unwrap()
}

/// Returns the URLs with which the services log in to the database.
fn addresses(user: &User) -> BTreeMap<&'static str, String> {
    let passwords = passwords(user);
    let owner = url::Url::parse(&user.system.database()).unwrap();
    let addresses = SERVICES.map(|service| {
        let mut address = owner.clone();
        address.set_username(service).unwrap();
        address.set_password(Some(&passwords[service])).unwrap();
        (service, address.to_string())
    });
    addresses.into()
}

/// Runs a service with a URL of the database until it ends by itself.
async fn ends(user: &User, service: &str, database: &str) -> Output {
    let mut command = Command::new(user.system.program(service).unwrap());
    command
        .env("NATS_URL", user.system.nats())
        .env("DATABASE_URL", database)
        .env("HTTP_ADDR", "127.0.0.1:0")
        .kill_on_drop(true);
    // Setup sets these passwords again.
    for (service, password) in passwords(user) {
        let variable = format!("{}_PASSWORD", service.replace('-', "_").to_uppercase());
        command.env(variable, password);
    }
    timeout(SOON, command.output()).await.unwrap().unwrap()
}

#[tokio::test]
async fn behind_a_pooler_in_transaction_mode_all_is_saved_nothing_is_buried_and_nobody_hears_500() {
    let mut user = User::start(SystemOptions::default().only(&[])).await;
    let direct = addresses(&user);
    let owner = user.system.database();
    let mut all: Vec<&str> = direct.values().map(String::as_str).collect();
    all.push(&owner);
    let bouncer = PgBouncer::start(PoolMode::Transaction, &all, 2)
        .await
        .unwrap();
    let again = ends(&user, "setup", &bouncer.url(&owner).unwrap()).await;
    assert!(again.status.success(), "{again:?}");
    let api = ["todo-api"];
    let members = ["save-handler", "save-handler", "audit-handler"];
    for service in members.into_iter().chain(api) {
        let url = bouncer.url(&direct[service]).unwrap();
        let env = [("DATABASE_URL", url.as_str())];
        user.system.add_member_with(service, &env).await.unwrap();
    }

    let client = async |client: usize| {
        for n in 0..50 {
            let id = user.add(&format!("item {client} {n}")).await;
            let change = json!({ "completed": true }).to_string();
            let changed = user.send("PATCH", &format!("/todo/{id}"), &change).await;
            assert!([202, 404].contains(&changed.status), "{}", changed.text());
            for path in ["/todo", &format!("/todo/{id}")] {
                let read = user.get(path).await;
                assert!([200, 404].contains(&read.status), "{path}: {}", read.text());
            }
        }
    };
    tokio::join!(client(0), client(1), client(2), client(3));
    user.sql_becomes(
        "select count(*) from items where created_position is not null",
        "200",
    )
    .await;
    user.quiet(&["save-handler", "audit-handler"]).await;
    assert_eq!(user.messages("DEAD_LETTERS").await, 0);
    let log = bouncer.log().join("\n");
    assert!(!log.contains("prepared statement"), "{log}");
}

#[tokio::test]
async fn an_address_of_the_database_that_cannot_work_ends_the_start_with_its_name() {
    let user = User::start(SystemOptions::default().only(&[])).await;
    user.sql("create database latin template template0 encoding 'LATIN1' locale 'C'")
        .await;
    let owner = user.system.database();
    let mut latin = url::Url::parse(&owner).unwrap();
    latin.set_path("/latin");
    for (address, named) in [
        (format!("{owner}?sslmode=require"), "TLS"),
        (
            format!("{owner}?sslmode=verify-full&sslrootcert=/nowhere.pem"),
            "/nowhere.pem",
        ),
        (format!("{owner}?colour=blue"), "`colour`"),
        (latin.to_string(), "LATIN1"),
    ] {
        for service in SERVICES.into_iter().chain(["setup"]) {
            let end = ends(&user, service, &address).await;
            let said = String::from_utf8(end.stdout).unwrap();
            assert_eq!(end.status.code(), Some(2), "{service} {named}: {said}");
            let line = said.lines().find(|line| line.contains("DATABASE_URL: "));
            let line = line.unwrap_or_else(|| panic!("{service}: {said}"));
            assert!(line.contains(named), "{line}");
        }
    }
}

#[tokio::test]
async fn a_service_that_has_nothing_to_do_says_once_why_it_cannot_use_the_database_and_when_it_can()
{
    let mut user = User::start(SystemOptions::default().without("housekeeper")).await;
    let said = |user: &User, member: &str, text: &str| {
        let lines = user.system.lines(member).unwrap();
        lines.iter().filter(|line| line.contains(text)).count()
    };
    let mut members: Vec<_> = user
        .system
        .members()
        .into_iter()
        .map(|it| it.name)
        .collect();
    user.system.postgres().stop().await.unwrap();
    // A member that has never connected to it.
    members.push(
        user.system
            .add_member_unready("save-handler")
            .await
            .unwrap(),
    );
    for member in &members {
        eventually("it says so", Duration::from_secs(5), async || {
            said(&user, member, "the database cannot be used: ") > 0
        })
        .await;
    }
    let before: Vec<_> = members
        .iter()
        .map(|member| said(&user, member, "the database answers"))
        .collect();
    user.system.postgres().restart().await.unwrap();
    for (member, before) in members.iter().zip(before) {
        eventually("it says so", SOON, async || {
            said(&user, member, "the database answers") == before + 1
        })
        .await;
        // It tried more often, and logs each reason once: the connection broke, was refused, or the
        // server was still starting.
        let reasons = said(&user, member, "the database cannot be used: ");
        assert!(reasons <= 4, "{member}: {reasons}");
    }
    let answer = http::get(&format!("{}/todo", user.system.api().unwrap())).await;
    assert_eq!(answer.unwrap().status, 200);
}
