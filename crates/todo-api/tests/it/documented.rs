//! Parameters that the code reads, compared with those in `/openapi.json`

use axum::{
    body::Body,
    http::{Request, StatusCode},
    response::Response,
};
use http_body_util::BodyExt;
use serde_json::{Value, json};

use crate::app::TestApp;

/// Every query parameter that any handler reads.
const QUERY: [&str; 3] = ["list", "limit", "after"];

struct Operation {
    id: String,
    method: String,
    path: String,
    declared: Value,
}

impl Operation {
    fn declares(&self, place: &str, name: &str) -> bool {
        let parameters = self.declared["parameters"].as_array();
        let mut parameters = parameters.into_iter().flatten();
        parameters.any(|one| one["in"] == place && one["name"] == name)
    }

    /// A valid request.
    fn request(&self, item: &str, query: &str) -> axum::http::request::Builder {
        let path = self.path.replace("{id}", item).replace("{list}", "default");
        Request::builder()
            .method(self.method.to_ascii_uppercase().as_str())
            .uri(format!("{path}{query}"))
            .header("content-type", "application/json")
    }

    fn body(&self) -> Body {
        let body = match self.id.as_str() {
            "addItems" => json!([{ "item": "a" }]),
            "addItem" => json!({ "item": "a" }),
            "addTodo" | "addTodoOfList" => json!({ "title": "a" }),
            "changeItem" | "changeTodo" | "changeTodoOfList" => json!({ "completed": true }),
            _ => Value::Null,
        };
        body.to_string().into()
    }
}

fn operations() -> Vec<Operation> {
    let document: Value =
        serde_json::from_str(&todo_api::document(&todo_api::Policy::default())).unwrap();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, declared) in item.as_object().unwrap() {
            operations.push(Operation {
                id: declared["operationId"].as_str().unwrap().to_owned(),
                method: method.clone(),
                path: path.clone(),
                declared: declared.clone(),
            });
        }
    }
    operations
}

/// The type of the problem; empty for a success, whose body may be a stream without end.
async fn kind(response: Response) -> String {
    if response.status().is_success() {
        return String::new();
    }
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let problem: Value = serde_json::from_slice(&body).unwrap_or_default();
    problem["type"].as_str().unwrap_or_default().to_owned()
}

/// A parameter that is read is refused when it is given twice.
#[tokio::test]
async fn every_parameter_of_an_address_that_is_read_is_in_the_document_and_no_other() {
    let mut app = TestApp::start().await;
    let item = app.has("buy milk").await;
    for operation in operations() {
        for name in QUERY {
            let query = format!("?{name}=1&{name}=1");
            let mut request = operation.request(&item, &query);
            // Nothing but the address shall be wrong, and nothing is to be waited for.
            request = request.header("accept", "*/*");
            if operation.path.contains("todos") && operation.method != "get" {
                continue;
            }
            let answer = app.fetch(request.body(operation.body()).unwrap()).await;
            let read = kind(answer).await == "/problems/bad-query";
            let declared = operation.declares("query", name);
            assert_eq!(read, declared, "{}: `?{name}=`", operation.id);
        }
    }
}

#[tokio::test]
async fn every_header_that_is_read_is_in_the_document_and_no_other() {
    let mut app = TestApp::start().await;
    let item = app.has("buy milk").await;
    for operation in operations() {
        let sent = async |name: &str, value: &str| {
            let request = operation.request(&item, "").header(name, value);
            app.fetch(request.body(operation.body()).unwrap()).await
        };
        let key = kind(sent("idempotency-key", "").await).await;
        assert_eq!(
            key == "/problems/bad-idempotency-key",
            operation.declares("header", "Idempotency-Key"),
            "{}",
            operation.id
        );
        // The rest is for whoever does not wait for a save that nobody makes here.
        if operation.path.contains("todos") && operation.method != "get" {
            assert!(
                !operation.declares("header", "If-Match"),
                "{}",
                operation.id
            );
            continue;
        }
        let condition = kind(sent("if-match", "\"0\"").await).await;
        assert_eq!(
            condition == "/problems/precondition-failed",
            operation.declares("header", "If-Match"),
            "{}",
            operation.id
        );
        let known = sent("if-none-match", "*").await.status();
        assert_eq!(
            known == StatusCode::NOT_MODIFIED,
            operation.declares("header", "If-None-Match"),
            "{}",
            operation.id
        );
        let accept = sent("accept", "audio/basic").await.status();
        assert_eq!(
            accept == StatusCode::NOT_ACCEPTABLE,
            operation.declared["responses"]["406"].is_object(),
            "{}",
            operation.id
        );
    }
}
