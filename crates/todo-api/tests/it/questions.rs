//! `queries.todo.…`

use std::time::Duration;

use bus::{AskError, Bus, Refusal};
use serde_json::{Value, json};
use testkit::eventually;
use todo_api::TOPICS;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::app::TestApp;

const SOON: Duration = Duration::from_secs(10);

async fn ask(bus: &Bus, what: &str, question: &str) -> Result<Value, AskError> {
    let subject = format!("queries.todo.{what}");
    let answer = bus.ask(&subject, question.to_owned(), SOON).await?;
    Ok(serde_json::from_slice(&answer).unwrap())
}

fn fields(object: &Value) -> Vec<&String> {
    object.as_object().unwrap().keys().collect()
}

async fn refused(bus: &Bus, what: &str, question: &str) -> Refusal {
    match ask(bus, what, question).await {
        Err(AskError::Refused(refusal)) => refusal,
        other => panic!("{question}: {other:?}"),
    }
}

/// Has the API answer questions while `test` asks them.
async fn answering(app: &TestApp, test: impl AsyncFnOnce(&Bus)) {
    let stop = CancellationToken::new();
    let answering = app.answer(stop.clone());
    let asking = async {
        let asker = app.observer();
        eventually("somebody answers", SOON, async || {
            match ask(asker, "get", "{}").await {
                Err(AskError::Nobody { .. }) => Err("nobody"),
                _ => Ok(()),
            }
        })
        .await;
        test(asker).await;
        stop.cancel();
    };
    let (ended, ()) = tokio::join!(answering, asking);
    ended.unwrap();
}

#[tokio::test]
async fn the_answers_are_those_that_the_addresses_give() {
    let mut app = TestApp::start().await;
    let ids = [
        app.has("one").await,
        app.has("two").await,
        app.has("three").await,
    ];
    app.patch(&ids[0], &json!({"completed": true})).await;
    app.save().await;
    answering(&app, async |bus| {
        let item = ask(bus, "get", &json!({"id": ids[1]}).to_string()).await;
        assert_eq!(
            item.unwrap(),
            app.get(&format!("/todo/{}", ids[1])).await.body
        );
        for all in ["", "{}", r#"{"list":"default"}"#] {
            let list = ask(bus, "list", all).await.unwrap();
            assert_eq!(list, app.get("/todo").await.body);
        }
        let first = ask(bus, "list", r#"{"limit":2}"#).await.unwrap();
        assert_eq!(first, app.get("/todo?limit=2").await.body);
        let after = json!({"limit": 2, "after": first["next"]}).to_string();
        let second = ask(bus, "list", &after).await.unwrap();
        assert_eq!(
            (&second["items"][0]["item"], &second["next"]),
            (&json!("three"), &Value::Null)
        );
        let count = ask(bus, "count", "").await.unwrap();
        assert_eq!(
            count,
            json!({"list": "default", "total": 3, "completed": 1})
        );
        let none = ask(bus, "count", r#"{"list":"other"}"#).await.unwrap();
        assert_eq!(none, json!({"list": "other", "total": 0, "completed": 0}));

        let item = ask(bus, "get", &json!({"id": ids[0]}).to_string()).await;
        for (topic, answer) in TOPICS.iter().zip([&first, &item.unwrap(), &count]) {
            let schema: Value = serde_json::from_str(topic.response_schema).unwrap();
            assert_eq!(
                fields(&schema["properties"]),
                fields(answer),
                "{}",
                topic.name
            );
            let required = schema["required"].as_array().unwrap();
            assert_eq!(required.len(), fields(answer).len(), "{}", topic.name);
        }
    })
    .await;
}

#[tokio::test]
async fn a_question_that_is_wrong_is_refused_with_what_to_change() {
    let app = TestApp::start().await;
    answering(&app, async |bus| {
        let unknown = json!({"id": Uuid::now_v7()}).to_string();
        let long = "x".repeat(20_000);
        for (what, question, code, advice) in [
            (
                "get",
                unknown.as_str(),
                404,
                "there is no item with this id",
            ),
            ("get", r#"{"id":"1"}"#, 404, "there is no item with this id"),
            ("get", "", 422, "id: is missing"),
            ("get", r#"{"id":1}"#, 422, "id: must be a text"),
            ("get", "hello", 400, "the body is no JSON"),
            ("list", "[]", 422, "the body must be a JSON object"),
            ("list", &long, 413, "up to 16384 bytes"),
            (
                "list",
                r#"{"limit":0}"#,
                422,
                "limit: must be a whole number from 1 to 1000",
            ),
            (
                "list",
                r#"{"limit":"1"}"#,
                422,
                "limit: must be a whole number",
            ),
            (
                "list",
                r#"{"after":"x"}"#,
                422,
                "after: must be what an earlier page gave",
            ),
            (
                "list",
                r#"{"lst":"a"}"#,
                422,
                "lst: is not known here; known are `list`",
            ),
            ("count", r#"{"list":""}"#, 422, "list: must not be empty"),
        ] {
            let refusal = refused(bus, what, question).await;
            assert_eq!(refusal.code, code, "{what} {question}: {}", refusal.text);
            assert!(
                refusal.text.contains(advice),
                "{what} {question}: {}",
                refusal.text
            );
        }
    })
    .await;
}

#[tokio::test]
async fn while_the_database_is_away_whoever_asks_is_told_to_try_again() {
    let app = TestApp::start().await;
    answering(&app, async |bus| {
        app.database.cut().await;
        for (what, question) in [
            ("list", "{}".to_owned()),
            ("count", "{}".to_owned()),
            ("get", json!({"id": Uuid::now_v7()}).to_string()),
        ] {
            let refusal = refused(bus, what, &question).await;
            assert_eq!(refusal.code, 503, "{}", refusal.text);
            assert!(refusal.text.contains("try again"), "{}", refusal.text);
            let internal = ["postgres", "127.0.0.1", "connection", "sqlx"];
            let told = internal.iter().find(|word| refusal.text.contains(**word));
            assert_eq!(told, None, "{}", refusal.text);
        }
        app.database.restore().await;
        eventually("it answers again", SOON, async || {
            ask(bus, "count", "").await
        })
        .await;
    })
    .await;
}
