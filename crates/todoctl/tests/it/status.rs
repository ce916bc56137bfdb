//! Tests of `todoctl status`.

use std::{process::Stdio, time::Duration};

use bus::{Delivery, HandlerError};
use events::TodoEvent;
use serde_json::{Value, json};
use testkit::eventually;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::world::{SOON, World};

/// Connects two savers, of which one has handled an event, and a printer whose only event became a dead
/// letter.
async fn worked() -> (World, Vec<bus::Bus>) {
    let world = World::new().await;
    let members = vec![
        world.member("save-handler", "save-handler-1").await,
        world.member("save-handler", "save-handler-2").await,
        world.member("printer", "printer-1").await,
    ];
    world.add("buy milk").await;
    let stop = CancellationToken::new();
    let handle = async |_: &Delivery<TodoEvent>| {
        stop.cancel();
        Ok(())
    };
    let group = members[0].group("save-handler", events::ALL_SUBJECTS);
    group.each(stop.clone(), handle).await.unwrap();
    let refuse =
        async |_: &Delivery<TodoEvent>| Err(HandlerError::Reject("no paper\u{1b}[2J".into()));
    let stop = CancellationToken::new();
    let group = members[2].group("printer", events::ALL_SUBJECTS);
    let refused = async {
        world.letters_become(1).await;
        stop.cancel();
    };
    let (ended, ()) = tokio::join!(group.each(stop.clone(), refuse), refused);
    ended.unwrap();
    (world, members)
}

#[tokio::test]
async fn the_table_has_every_member_what_it_has_done_and_how_far_the_groups_are() {
    let (world, _members) = worked().await;
    let table = world.printed(&["status"]).await;
    let lines: Vec<Vec<_>> = table
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(lines[0][..3], ["SERVICE", "MEMBER", "VERSION"]);
    assert_eq!(lines[1][..3], ["printer", "printer-1", version]);
    // State, work, handled, retried, failed, now.
    assert_eq!(lines[1][4..10], ["works", "printer", "0", "0", "1", "0"]);
    assert!(
        table.contains("ago: cannot be handled: no paper\\u{1b}[2J"),
        "{table}"
    );
    assert!(!table.contains('\u{1b}'), "{table:?}");
    assert_eq!(lines[2][..2], ["save-handler", "save-handler-1"]);
    assert_eq!(
        lines[2][4..10],
        ["works", "save-handler", "1", "0", "0", "0"]
    );
    assert_eq!(lines[3][1], "save-handler-2");
    assert_eq!(lines[3][5..], ["-"; 7]);
    assert_eq!(lines[4][1], "tester-1");
    assert_eq!(
        lines[6],
        [
            "GROUP", "WAITING", "IN", "HAND", "DEAD", "LETTERS", "MEMBERS"
        ]
    );
    assert_eq!(lines[7], ["printer", "0", "0", "1", "1"]);
    assert_eq!(lines[8], ["save-handler", "0", "0", "0", "2"]);
}

#[tokio::test]
async fn a_member_that_waits_for_the_end_of_an_outage_says_so_and_for_what() {
    let world = World::new().await;
    let saver = world.member("save-handler", "save-handler-1").await;
    world.add("buy milk").await;
    let stop = CancellationToken::new();
    let away = std::cell::Cell::new(true);
    let handle = async |_: &Delivery<TodoEvent>| {
        if away.get() {
            return Err(HandlerError::Unavailable("no database".into()));
        }
        Ok(())
    };
    let group = saver.group("save-handler", events::ALL_SUBJECTS);
    let watching = async {
        let shows = async |wanted: &[&str]| {
            eventually(&wanted.join(" "), SOON, async || {
                let table = world.printed(&["status", "--within", "200ms"]).await;
                let line = table.lines().find(|line| line.starts_with("save-handler "));
                let found = line.is_some_and(|line| wanted.iter().all(|part| line.contains(part)));
                found.then_some(()).ok_or(table)
            })
            .await;
        };
        shows(&[" waits ", "now: what is needed is away: no database"]).await;
        away.set(false);
        shows(&[" works ", "ago: "]).await;
        stop.cancel();
    };
    let (ended, ()) = tokio::join!(group.each(stop.clone(), handle), watching);
    ended.unwrap();
}

#[tokio::test]
async fn a_group_of_which_nobody_answers_is_shown_with_what_waits_for_it() {
    let (world, members) = worked().await;
    drop(members);
    world.add("one more").await;
    eventually("nobody answers for it", SOON, async || {
        let table = world.printed(&["status", "--within", "100ms"]).await;
        let line = table.lines().find(|line| line.starts_with("save-handler"));
        let words: Vec<_> = line.unwrap_or_default().split_whitespace().collect();
        if words == ["save-handler", "1", "0", "0", "nobody", "answered"] {
            Ok(())
        } else {
            Err(table)
        }
    })
    .await;
}

#[tokio::test]
async fn whoever_is_expected_is_not_waited_for_longer_than_needed_or_is_missing() {
    let (world, _members) = worked().await;
    let start = Instant::now();
    let expect = "save-handler=2,printer";
    let all = world
        .printed(&["status", "--expect", expect, "--within", "30s"])
        .await;
    assert!(start.elapsed() < Duration::from_secs(15));
    assert_eq!(all.matches("did not answer").count(), 0, "{all}");

    let more = "save-handler=3,todo-web=1";
    let output = world.todoctl(&["status", "--expect", more]).await;
    assert_eq!(output.status.code(), Some(1));
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(complaint, "error: 2 did not answer\n");
    let table = String::from_utf8_lossy(&output.stdout);
    let absent = table
        .lines()
        .filter(|line| line.ends_with("did not answer"));
    let absent: Vec<_> = absent.map(|line| line.split_whitespace().next()).collect();
    assert_eq!(absent, [Some("save-handler"), Some("todo-web")]);
    let wrong = world
        .todoctl(&["status", "--expect", "save-handler=x"])
        .await;
    assert_eq!(wrong.status.code(), Some(2));
}

#[tokio::test]
async fn programs_get_the_status_as_json() {
    let (world, _members) = worked().await;
    let output = world
        .todoctl(&["status", "--json", "--expect", "save-handler=3"])
        .await;
    let status: Value = serde_json::from_slice(&output.stdout).unwrap();
    let members = status["members"].as_array().unwrap();
    assert_eq!(members.len(), 4, "{status}");
    let work = &members[0]["work"][0];
    assert_eq!(
        (&work["name"], &work["failed"]),
        (&json!("printer"), &json!(1))
    );
    assert_eq!(work["lastError"], "cannot be handled: no paper\u{1b}[2J");
    assert_eq!(members[1]["work"][0]["handled"], 1);
    assert!(members[1]["work"][0]["averageMs"].is_number());
    let missing = json!([{"service": "save-handler", "member": null}]);
    assert_eq!(status["missing"], missing);
    let none_waiting = json!({"waiting": 0, "inHand": 0});
    assert_eq!(status["groups"]["save-handler"], none_waiting);
    assert_eq!(status["deadLetters"], json!({"printer": 1}));
}

#[tokio::test]
async fn whoever_watches_sees_who_comes_and_who_went() {
    let world = World::new().await;
    let mut command = world.command(&["status", "--watch", "--json", "--within", "200ms"]);
    command.stdout(Stdio::piped()).kill_on_drop(true);
    let mut watching = command.spawn().unwrap();
    let mut looks = BufReader::new(watching.stdout.take().unwrap()).lines();
    let mut until = async |what: &str, reached: &dyn Fn(&Value) -> bool| {
        let found = async {
            loop {
                let look = looks.next_line().await.unwrap().unwrap();
                if reached(&serde_json::from_str(&look).unwrap()) {
                    return;
                }
            }
        };
        let found = tokio::time::timeout(SOON, found).await;
        found.unwrap_or_else(|_| panic!("{what} is not seen"));
    };
    let members = |look: &Value| look["members"].as_array().unwrap().len();
    let missing = |look: &Value| look["missing"].as_array().unwrap().clone();
    until("the first", &|look| members(look) == 1).await;
    let second = world.member("printer", "printer-1").await;
    until("the second", &|look| members(look) == 2).await;
    drop(second);
    let gone = vec![json!({"service": "printer", "member": "printer-1"})];
    until("its absence", &|look| missing(look) == gone).await;
}
