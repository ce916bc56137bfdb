//! The manual's first section, *When something is wrong*: each of its rows is brought about, diagnosed
//! where the row says, and repaired by the commands that it prints.

use std::{collections::BTreeSet, fs};

use serde_json::json;
use testkit::{SystemOptions, eventually, http};

use crate::{
    guide::{root, target},
    user::{SOON, User, between},
};

/// A row of the table: the symptom, the places to look at, and the remedy.
struct Row {
    sign: String,
    look: String,
    remedy: String,
}

/// Returns all rows, by the words in bold that they begin with.
fn rows() -> Vec<(String, Row)> {
    let manual = fs::read_to_string(root().join("docs/operations.md")).unwrap();
    let section = between(&manual, "\n## When something is wrong\n", "\n## ");
    let rows = section.lines().filter(|line| line.starts_with("| **"));
    rows.map(|line| {
        let cells: Vec<_> = line.trim_matches('|').split(" | ").collect();
        let [sign, look, remedy] = cells[..] else {
            panic!("a row has three cells: {line}");
        };
        let name = between(sign, "**", "**").to_owned();
        let [sign, look, remedy] = [sign, look, remedy].map(ToOwned::to_owned);
        (name, Row { sign, look, remedy })
    })
    .collect()
}

impl Row {
    fn named(name: &str) -> Self {
        let row = rows().into_iter().find(|(found, _)| found == name);
        row.unwrap_or_else(|| panic!("the manual has no row {name}"))
            .1
    }

    /// Returns the words that the row quotes from the page or from an output.
    fn quoted(&self) -> &str {
        between(&self.sign, "“", "”")
    }
}

/// Returns the texts in backticks.
fn code(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// Returns the arguments of each `todoctl` command that a cell prints.
fn commands(cell: &str) -> Vec<Vec<&str>> {
    let commands =
        code(cell).filter_map(|text| text.strip_prefix("docker compose run --rm todoctl "));
    commands
        .map(|arguments| arguments.split_whitespace().collect())
        .collect()
}

impl User {
    /// Waits until `/statusz` of todo-api contains the text that the row prints in backticks.
    async fn status_has(&self, row: &Row) {
        let part = code(&row.look).find(|text| text.starts_with('"')).unwrap();
        eventually(&format!("the status has {part}"), SOON, async || {
            let report = self.get("/statusz").await.text();
            if report.contains(part) {
                Ok(())
            } else {
                Err(report)
            }
        })
        .await;
    }

    /// Returns the metrics of a service's first member.
    async fn metrics(&self, service: &str) -> String {
        let members = self.system.members();
        let member = members.iter().find(|member| member.service == service);
        let address = member.and_then(|member| member.http.clone()).unwrap();
        let address = format!("{}/metrics", address.trim_end_matches('/'));
        http::get(&address).await.unwrap().text()
    }

    /// Returns the value of a gauge of housekeeper, as soon as it exists.
    async fn gauge(&self, name: &str) -> u64 {
        eventually(&format!("housekeeper shows {name}"), SOON, async || {
            let page = self.metrics("housekeeper").await;
            let line = page.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|value| value.trim().parse().ok())
        })
        .await
    }

    /// Waits until `todoctl status` shows for a group's members the words that the cell quotes, and
    /// returns the group's number of pending events.
    async fn waiting(&self, look: &str, group: &str) -> u64 {
        let arguments = commands(look).remove(0);
        let quoted = between(look, "“", "”");
        eventually(&format!("of {group}: {quoted}"), SOON, async || {
            let output = self.todoctl(&arguments).output().await.unwrap();
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let (_, groups) = text.split_once("\nGROUP").unwrap();
            let line = groups.lines().find(|line| line.starts_with(group));
            match line.and_then(|line| line.strip_suffix(quoted)) {
                Some(line) => Ok(line.split_whitespace().nth(1).unwrap().parse().unwrap()),
                None => Err(text),
            }
        })
        .await
    }
}

#[tokio::test]
async fn an_empty_list_is_the_databases_and_comes_back_with_it() {
    let row = Row::named("The list is empty");
    let mut user = User::start(SystemOptions::default().without("audit-handler")).await;
    user.system.postgres().stop().await.unwrap();
    user.sees(row.quoted()).await;
    assert_eq!(user.get("/todo").await.status, 503);
    user.status_has(&row).await;
    let id = user.add("buy milk").await;
    assert!(row.remedy.contains("restart todo-db"));
    user.system.postgres().restart().await.unwrap();
    user.saved(&id).await;
    let waiting = code(&row.remedy).find(|text| text.starts_with("group_events"));
    eventually("nothing waits", SOON, async || {
        user.gauge(waiting.unwrap()).await == 0
    })
    .await;
    assert_eq!(user.messages("DEAD_LETTERS").await, 0);
}

#[tokio::test]
async fn adding_that_is_refused_goes_on_when_the_broker_is_back() {
    let row = Row::named("Adding is refused");
    let options = SystemOptions::default().only(&["todo-web", "todo-api"]);
    let mut user = User::start(options).await;
    user.system.broker().stop().await.unwrap();
    let key = uuid::Uuid::now_v7().to_string();
    let refused = user.send_form("water the plants", &key).await;
    assert_eq!(refused.status, 503);
    assert!(refused.text().contains(row.quoted()), "{}", refused.text());
    assert_eq!(user.post(&json!({ "item": "x" })).await.status, 503);
    user.status_has(&row).await;
    assert!(row.remedy.contains("restart message-queue"));
    user.system.broker().restart().await.unwrap();
    eventually("the same form is accepted", SOON, async || {
        user.send_form("water the plants", &key).await.status == 303
    })
    .await;
}

#[tokio::test]
async fn a_stream_that_a_group_has_left_full_takes_events_again_once_that_group_is_forgotten() {
    let row = Row::named("Adding is refused, and the broker runs");
    let options = SystemOptions::default().env("setup", "STREAM_LIMIT_MIB", "4");
    let mut user = User::start(options).await;
    user.quiet(&["save-handler", "audit-handler"]).await;
    user.system.stop_member("audit-handler-1").await.unwrap();
    let item = json!({ "item": "x".repeat(250) });
    while user.post(&item).await.status == 202 {}
    let mut gauges = code(&row.look).filter(|text| text.starts_with("stream_"));
    let (bytes, limit) = (gauges.next().unwrap(), gauges.next().unwrap());
    let limit = user.gauge(limit).await;
    eventually("the stream is half full", SOON, async || {
        user.gauge(bytes).await * 2 >= limit
    })
    .await;
    assert!(user.waiting(&row.look, "audit-handler").await > 1_000);
    let forget = commands(&row.remedy).remove(0);
    user.operator(&forget).await;
    eventually("adding goes on", SOON, async || {
        user.post(&item).await.status == 202
    })
    .await;
}

#[tokio::test]
async fn items_that_stay_unsaved_are_saved_when_savers_are_started() {
    let row = Row::named("Items stay “saving…”");
    let mut user = User::start(SystemOptions::default().scale("save-handler", 1)).await;
    user.system.stop_member("save-handler-1").await.unwrap();
    let id = user.add("buy milk").await;
    assert!(user.waiting(&row.look, "save-handler").await > 0);
    assert!(row.remedy.contains("--scale save-handler="));
    user.system.add_member("save-handler").await.unwrap();
    user.saved(&id).await;
}

#[tokio::test]
async fn every_figure_that_tells_why_saving_is_slow_is_there() {
    let row = Row::named("Saving is slow");
    // With several members, one would have saved the item and the others nothing.
    let user = User::start(SystemOptions::default().scale("save-handler", 1)).await;
    let id = user.add("buy milk").await;
    user.saved(&id).await;
    let waiting = code(&row.sign).next().unwrap();
    eventually("nothing waits", SOON, async || {
        user.gauge(waiting).await == 0
    })
    .await;
    for figure in code(&row.look) {
        eventually(&format!("save-handler shows {figure}"), SOON, async || {
            let page = user.metrics("save-handler").await;
            page.contains(figure).then_some(()).ok_or(page)
        })
        .await;
    }
}

#[tokio::test]
async fn a_member_that_does_not_answer_is_named_and_its_work_is_done_by_others() {
    let row = Row::named("A member does not answer");
    let options = SystemOptions::default().scale("save-handler", 2);
    let mut user = User::start(options).await;
    let ask = commands(&row.look).remove(0);
    assert!(user.todoctl(&ask).output().await.unwrap().status.success());
    user.system.pause_member("save-handler-2").unwrap();
    let id = user.add("buy milk").await;
    let output = user.todoctl(&ask).output().await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("did not answer"), "{text}");
    assert!(row.remedy.contains("restart save-handler"));
    user.system.kill_member("save-handler-2").await.unwrap();
    user.saved(&id).await;
}

#[tokio::test]
async fn dead_letters_are_listed_shown_replayed_and_thrown_away_by_the_commands_of_the_manual() {
    let row = Row::named("Dead letters");
    let user = User::start(SystemOptions::default().only(&["save-handler"])).await;
    user.publish("events.todo.newitem", "hello").await;
    user.publish("events.todo.whatever", "{}").await;
    user.quiet(&["save-handler"]).await;
    let [list, show] = &commands(&row.look)[..] else {
        panic!("two commands: {}", row.look);
    };
    let listed = user.operator(list).await;
    assert!(listed.contains("save-handler"), "{listed}");
    let shown = user.operator(show).await;
    assert!(shown.contains("dead letter 1"), "{shown}");
    let [replay, discard] = &commands(&row.remedy)[..] else {
        panic!("two commands: {}", row.remedy);
    };
    user.operator(replay).await;
    // Its cause still exists, so it comes back as another dead letter.
    eventually("both are dead letters", SOON, async || {
        user.messages("DEAD_LETTERS").await == 2
    })
    .await;
    user.operator(discard).await;
    assert_eq!(user.messages("DEAD_LETTERS").await, 0);
}

#[tokio::test]
async fn a_setting_that_is_wrong_ends_the_start_with_2_and_is_named() {
    let row = Row::named("A service ends at once with exit code 2");
    let variable = code(&row.look).next().unwrap();
    let program = target().join("debug/save-handler");
    let mut command = tokio::process::Command::new(program);
    command.env(variable, "no address");
    let output = command.output().await.unwrap();
    assert_eq!(output.status.code(), Some(2));
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(complaint.contains(variable), "{complaint}");
    assert!(!complaint.contains("no address"), "{complaint}");
}

#[tokio::test]
async fn setup_says_what_it_waited_for_and_warns_of_passwords_for_development() {
    let row = Row::named("`setup` ends with exit code 1");
    let warning = Row::named("“using the development password”");
    let mut user = User::start(SystemOptions::default().only(&[])).await;
    let address = user.system.nats();
    user.system.broker().stop().await.unwrap();
    let program = user.system.program("setup").unwrap();
    let setup = tokio::process::Command::new(program)
        .env("NATS_URL", &address)
        .env("DATABASE_URL", user.system.database())
        .env("SETUP_LIMIT", "1")
        .output();
    let setup = setup.await.unwrap();
    assert_eq!(setup.status.code(), Some(1));
    let said = String::from_utf8_lossy(&setup.stdout);
    assert!(said.contains(between(&row.look, "“", "”")), "{said}");

    let address = address.rsplit_once('@').unwrap().1;
    let program = user.system.program("housekeeper").unwrap();
    let mut housekeeper = tokio::process::Command::new(program);
    housekeeper
        .env("NATS_URL", format!("nats://{address}"))
        .env("HTTP_ADDR", "127.0.0.1:0");
    let lines = testkit::Output::Lines(None);
    let process = testkit::Process::spawn("housekeeper", housekeeper, lines).unwrap();
    let quoted = warning.quoted().to_owned();
    let said = process.wait_for("the warning", SOON, move |line| {
        line.contains(&quoted).then_some(())
    });
    said.await.unwrap();
}

#[tokio::test]
async fn the_stream_of_changes_says_something_within_the_time_that_the_manual_gives() {
    let row = Row::named("The page says “Not connected”");
    let user = User::start(SystemOptions::default().only(&["todo-web"])).await;
    assert!(user.page().await.contains(row.quoted()));
    let address = code(&row.look).next().unwrap();
    let path = address.split_once(":8080").unwrap().1;
    let web = user.system.web().unwrap();
    let mut curl = tokio::process::Command::new("curl");
    curl.args(["-sN", "--max-time", "16"]);
    let heard = curl
        .arg(format!("{}{path}", web.trim_end_matches('/')))
        .output();
    let heard = String::from_utf8(heard.await.unwrap().stdout).unwrap();
    assert!(!heard.trim().is_empty());
}

#[tokio::test]
async fn after_the_end_of_the_stream_was_lost_everything_new_is_saved_and_nothing_saved_is_gone() {
    let row = Row::named("The broker has lost the end of its stream");
    let mut user = User::start(SystemOptions::default().scale("save-handler", 1)).await;
    let mut before = Vec::new();
    for _ in 0..20 {
        before.push(user.add("buy milk").await);
    }
    user.quiet(&["save-handler", "audit-handler"]).await;
    let broker = user.system.broker();
    broker.stop().await.unwrap();
    let block = broker
        .dir()
        .join("store/jetstream/$G/streams/TODO/msgs/1.blk");
    let block = fs::File::options().write(true).open(block).unwrap();
    block.set_len(block.metadata().unwrap().len() / 2).unwrap();
    broker.restart().await.unwrap();
    let counter = code(&row.sign).next().unwrap();
    eventually("housekeeper counts the loss", SOON, async || {
        let page = user.metrics("housekeeper").await;
        let line = format!(r#"{counter}{{stream="TODO"}} 1"#);
        let found = page.lines().any(|shown| shown == line);
        found.then_some(()).ok_or(page)
    })
    .await;
    let said = user.system.lines_of("housekeeper");
    assert!(
        said.iter().any(|line| line.contains(row.quoted())),
        "{said:#?}"
    );
    let after = user.add("buy bread").await;
    for id in before.iter().chain([&after]) {
        user.saved(id).await;
    }
}

#[test]
fn every_row_has_a_test() {
    let source = include_str!("night.rs");
    let tested: BTreeSet<_> = source
        .split("Row::named(\"")
        .skip(1)
        .map(|rest| rest.split("\")").next().unwrap())
        .collect();
    // The last row leads to another section, which `cargo xtask compose-test` walks.
    let elsewhere = "The database or the broker has lost its data";
    let untested: Vec<_> = rows()
        .into_iter()
        .map(|(name, _)| name)
        .filter(|name| !tested.contains(name.as_str()) && name != elsewhere)
        .collect();
    assert!(untested.is_empty(), "{untested:?}");
}
