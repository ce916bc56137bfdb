//! Tests of `todoctl list` and `todoctl get`.

use bus::{Refusal, Topic};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::world::World;

const ID: &str = "0198c0de-0000-7000-8000-000000000001";

fn topic(name: &'static str, subject: &'static str) -> Topic {
    Topic {
        name,
        subject,
        about: "",
        request_schema: "",
        response_schema: "",
    }
}

/// Responds as todo-api does: two pages of a list, and one item.
fn answer(topic: &str, question: &[u8]) -> Result<Vec<u8>, Refusal> {
    let question: Value = serde_json::from_slice(question).unwrap();
    let item = |text: &str, completed: bool| {
        json!({"id": ID, "list": "default", "item": text, "completed": completed, "order": 1.5,
            "addedAt": "2026-11-20T12:00:00Z", "version": 3})
    };
    let answer = match (topic, question["after"].as_str()) {
        ("get", _) if question["id"] == ID => item("buy milk", false),
        ("get", _) => return Err(Refusal::new(404, "there is no item with this id")),
        (_, None) if question["list"] == "none" => json!({"items": [], "next": null}),
        (_, None) => json!({"items": [item("buy milk", true)], "next": "there"}),
        (_, after) => {
            assert_eq!(after, Some("there"));
            json!({"items": [item("feed\u{1b}[2J the cat", false)], "next": null})
        }
    };
    Ok(answer.to_string().into())
}

async fn answering(world: &World, test: impl Future<Output = ()>) {
    let topics = [
        topic("list", "queries.todo.list"),
        topic("get", "queries.todo.get"),
    ];
    let stop = CancellationToken::new();
    let answering = world.bus.answer(&topics, stop, async |topic, question| {
        answer(topic, question)
    });
    tokio::select! {
        () = test => {}
        ended = answering => panic!("{ended:?}"),
    }
}

#[tokio::test]
async fn a_list_is_printed_to_its_end_and_steers_no_terminal() {
    let world = World::new().await;
    answering(&world, async {
        let list = world.printed_at_last(&["list"]).await;
        let expected = format!("[x] {ID}  buy milk\n[ ] {ID}  feed\\u{{1b}}[2J the cat\n");
        assert_eq!(list, expected);
        let none = world.todoctl(&["list", "--list", "none"]).await;
        assert_eq!(String::from_utf8(none.stdout).unwrap(), "");
        let said = String::from_utf8(none.stderr).unwrap();
        assert_eq!(said, "the list none has no items\n");
        let lines = world.printed(&["list", "--json"]).await;
        let items = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        let items: Vec<Value> = items.collect();
        assert_eq!(items.len(), 2);
        assert_eq!(
            (&items[0]["item"], &items[0]["version"]),
            (&json!("buy milk"), &json!(3))
        );
    })
    .await;
}

#[tokio::test]
async fn an_item_is_shown_or_it_is_said_that_there_is_none() {
    let world = World::new().await;
    answering(&world, async {
        let page = world.printed_at_last(&["get", ID]).await;
        let expected = format!(
            "id        {ID}\nlist      default\nitem      buy milk\ndone      no\n\
             added     2026-11-20T12:00:00Z\nversion   3\n"
        );
        assert_eq!(page, expected);
        let item = world.printed(&["get", ID, "--json"]).await;
        assert_eq!(serde_json::from_str::<Value>(&item).unwrap()["id"], ID);
        let complaint = world.complaint(&["get", "x"]).await;
        assert_eq!(complaint, "error: there is no item with this id\n");
    })
    .await;
}

#[tokio::test]
async fn where_nobody_answers_it_is_said_who_should() {
    let world = World::new().await;
    let complaint = world.complaint(&["list"]).await;
    assert_eq!(
        complaint,
        "error: is todo-api running?: nobody answers on `queries.todo.list`\n"
    );
}
