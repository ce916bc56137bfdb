//! Requests over the broker: the same documents as on HTTP, for clients without HTTP.
//!
//! | subject | question | answer |
//! |---|---|---|
//! | `queries.todo.list` | `{"list":…,"limit":…,"after":…}`, each may be left out | `{"items":[…],"next":…}`, as `GET /todo` |
//! | `queries.todo.get` | `{"id":…}` | an item, as `GET /todo/{id}` |
//! | `queries.todo.count` | `{"list":…}`, which may be left out | `{"list":…,"total":…,"completed":…}` |
//!
//! A request that fails is answered with the status and the advice that HTTP has for it.

use bus::{AnswerError, Bus, Refusal, Topic};
use events::ListName;
use service::{
    http::{BODY_LIMIT, strip_byte_order_mark, to_json},
    problem::Problem,
};
use tokio_util::sync::CancellationToken;

use crate::{
    absent::no_item,
    app::{App, named},
    body::Fields,
    list::{MOST, USUAL},
    representation::{CountDocument, ItemDocument, PageDocument},
};

/// Subjects answered here, with their schemas.
pub const TOPICS: [Topic; 3] = [LIST, GET, COUNT];

/// An item, as `representation` writes it.
macro_rules! item {
    () => {
        r#"{"type":"object","properties":{"id":{"type":"string","format":"uuid"},"list":{"type":"string"},"item":{"type":"string"},"completed":{"type":"boolean"},"order":{"type":"number"},"addedAt":{"type":"string","format":"date-time"},"version":{"type":"integer"}},"required":["id","list","item","completed","order","addedAt","version"]}"#
    };
}

const LIST: Topic = Topic {
    name: "list",
    subject: "queries.todo.list",
    about: "a list's items, page by page, the newest last",
    request_schema: r#"{"type":"object","properties":{"list":{"type":"string"},"limit":{"type":"integer","minimum":1,"maximum":1000,"default":100},"after":{"type":"string"}},"additionalProperties":false}"#,
    response_schema: concat!(
        r#"{"type":"object","properties":{"items":{"type":"array","items":"#,
        item!(),
        r#"},"next":{"type":["string","null"]}},"required":["items","next"]}"#
    ),
};

const GET: Topic = Topic {
    name: "get",
    subject: "queries.todo.get",
    about: "an item as it was last saved",
    request_schema: r#"{"type":"object","properties":{"id":{"type":"string","format":"uuid"}},"required":["id"],"additionalProperties":false}"#,
    response_schema: item!(),
};

const COUNT: Topic = Topic {
    name: "count",
    subject: "queries.todo.count",
    about: "how many items a list has, and how many of them are done",
    request_schema: r#"{"type":"object","properties":{"list":{"type":"string"}},"additionalProperties":false}"#,
    response_schema: r#"{"type":"object","properties":{"list":{"type":"string"},"total":{"type":"integer"},"completed":{"type":"integer"}},"required":["list","total","completed"]}"#,
};

/// Answers requests from `bus` until `stop` is cancelled, and then those that had arrived before.
pub async fn answer(app: &App, bus: &Bus, stop: CancellationToken) -> Result<(), AnswerError> {
    bus.answer(&TOPICS, stop, async |topic, question| {
        let answered = match topic {
            "list" => list(app, question).await,
            "get" => get(app, question).await,
            _ => count(app, question).await,
        };
        answered.map_err(|problem| {
            // These requests have no request id.
            problem.report("");
            Refusal::new(problem.status().as_u16(), problem.advice())
        })
    })
    .await
}

async fn list(app: &App, question: &[u8]) -> Result<Vec<u8>, Problem> {
    let mut fields = read(question)?;
    let list = fields.text::<ListName>("list").unwrap_or_default();
    let limit = fields.whole("limit", 1..=MOST).unwrap_or(USUAL);
    let after = fields.parsed("after");
    fields.finish("`list`, `limit` and `after`")?;
    let page = app
        .ask(async |items| items.list(&list, after, limit).await)
        .await?;
    Ok(to_json(&PageDocument::from(&page)))
}

async fn get(app: &App, question: &[u8]) -> Result<Vec<u8>, Problem> {
    let mut fields = read(question)?;
    let id = fields.required::<String>("id");
    fields.finish("`id`")?;
    let id = named(&id.unwrap_or_default())?;
    let item = app.ask(async |items| items.get(id).await).await?;
    Ok(to_json(&ItemDocument::from(&item.ok_or_else(no_item)?)))
}

async fn count(app: &App, question: &[u8]) -> Result<Vec<u8>, Problem> {
    let mut fields = read(question)?;
    let list = fields.text::<ListName>("list").unwrap_or_default();
    fields.finish("`list`")?;
    let counts = app.ask(async |items| items.count(&list).await).await?;
    Ok(to_json(&CountDocument {
        list: list.as_str(),
        total: counts.total,
        completed: counts.completed,
    }))
}

/// Reads the fields of a request. An empty one gets the defaults.
fn read(question: &[u8]) -> Result<Fields, Problem> {
    match question {
        [] => Fields::read(b"{}"),
        question if question.len() > BODY_LIMIT => Err(Problem::new(
            axum::http::StatusCode::PAYLOAD_TOO_LARGE,
            "body-too-large",
        )
        .detail(format!("a question may have up to {BODY_LIMIT} bytes"))),
        question => Fields::read(strip_byte_order_mark(question)),
    }
}
