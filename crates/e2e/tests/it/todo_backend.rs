//! The public specification of Todo-Backend, requirement by requirement, with three savers.

use serde_json::{Value, json};
use testkit::{SystemOptions, http};

use crate::user::User;

/// A client as the specification has it: it knows one URL, and follows those in the responses.
struct Client {
    root: String,
}

impl Client {
    async fn send(&self, method: &str, url: &str, body: Option<&Value>) -> http::Response {
        let headers = [
            ("content-type", "application/json"),
            ("origin", "https://www.todobackend.com"),
        ];
        let body = body.map(Value::to_string).unwrap_or_default();
        let answer = http::request(method, url, &headers, body.as_bytes()).await;
        let answer = answer.unwrap();
        let status = answer.status;
        assert!(
            (200..400).contains(&status),
            "{method} {url}: {}",
            answer.text()
        );
        // A browser would withhold the response from a script otherwise.
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        answer
    }

    async fn get(&self, url: &str) -> Value {
        self.send("GET", url, None).await.json().unwrap()
    }

    async fn list(&self) -> Vec<Value> {
        self.get(&self.root).await.as_array().unwrap().clone()
    }

    async fn post(&self, todo: Value) -> Value {
        let answer = self.send("POST", &self.root, Some(&todo)).await;
        answer.json().unwrap()
    }

    async fn fresh(&self, todo: Value) -> String {
        url(&self.post(todo).await)
    }

    async fn patch(&self, url: &str, change: Value) -> Value {
        let answer = self.send("PATCH", url, Some(&change)).await;
        answer.json().unwrap()
    }

    async fn delete(&self, url: &str) {
        self.send("DELETE", url, None).await;
    }

    async fn clear(&self) {
        self.delete(&self.root).await;
    }
}

fn url(todo: &Value) -> String {
    todo["url"].as_str().unwrap().to_owned()
}

fn client(user: &User, path: &str) -> Client {
    let api = user.system.api().unwrap();
    let root = format!("{}{path}", api.trim_end_matches('/'));
    Client { root }
}

fn three_savers() -> SystemOptions {
    SystemOptions::default()
        .without("todo-web")
        .without("audit-handler")
        .scale("save-handler", 3)
}

#[tokio::test]
async fn the_root_answers_get_post_and_delete() {
    let user = User::start(three_savers()).await;
    for path in ["/todos", "/lists/spec/todos"] {
        let client = client(&user, path);
        client.list().await;
        assert_eq!(
            client.post(json!({ "title": "a todo" })).await["title"],
            "a todo"
        );
        client.clear().await;
        for _ in 0..10 {
            client.post(json!({ "title": "a todo" })).await;
            client.clear().await;
            assert_eq!(client.list().await, Vec::<Value>::new());
        }
    }
}

#[tokio::test]
async fn new_todos_are_stored_by_posting_to_the_root() {
    let user = User::start(three_savers()).await;
    let client = client(&user, "/todos");
    for _ in 0..10 {
        client.clear().await;
        let posted = client.post(json!({ "title": "walk the dog" })).await;
        let list = client.list().await;
        assert_eq!(list.len(), 1);
        assert_eq!(list[0], posted);
        assert_eq!(list[0]["title"], "walk the dog");
        assert_eq!(list[0]["completed"], false);
        assert!(url(&list[0]).starts_with(&client.root), "{list:?}");
        assert_eq!(client.get(&url(&posted)).await["title"], "walk the dog");
    }
}

#[tokio::test]
async fn an_existing_todo_is_found_changed_and_deleted_at_its_url() {
    let user = User::start(three_savers()).await;
    let client = client(&user, "/todos");
    for _ in 0..10 {
        client.clear().await;
        let (first, second) = tokio::join!(
            client.post(json!({ "title": "todo the first" })),
            client.post(json!({ "title": "todo the second" })),
        );
        let list = client.list().await;
        assert_eq!(list.len(), 2);
        for todo in [first, second] {
            assert!(list.contains(&todo));
            assert_eq!(client.get(&url(&todo)).await, todo);
        }

        client.clear().await;
        let todo = client.fresh(json!({ "title": "initial title" })).await;
        let patched = client
            .patch(&todo, json!({ "title": "bathe the cat" }))
            .await;
        assert_eq!(patched["title"], "bathe the cat");
        let patched = client.patch(&todo, json!({ "completed": true })).await;
        assert_eq!(patched["completed"], true);
        let change = json!({ "title": "changed title", "completed": true });
        let patched = client.patch(&todo, change).await;
        let todo = url(&patched);
        let (refetched, list) = tokio::join!(client.get(&todo), client.list());
        assert_eq!(refetched["title"], "changed title");
        assert_eq!(refetched["completed"], true);
        assert_eq!(list, [refetched]);

        client.delete(&todo).await;
        assert_eq!(client.list().await, Vec::<Value>::new());
    }
}

#[tokio::test]
async fn the_order_of_a_todo_is_kept() {
    let user = User::start(three_savers()).await;
    let client = client(&user, "/todos");
    for _ in 0..10 {
        let posted = client.post(json!({ "title": "blah", "order": 523 })).await;
        assert_eq!(posted["order"].as_f64(), Some(523.0));
        let todo = client.fresh(json!({ "title": "blah", "order": 10 })).await;
        let patched = client.patch(&todo, json!({ "order": 95 })).await;
        assert_eq!(patched["order"].as_f64(), Some(95.0));
        let refetched = client.get(&url(&patched)).await;
        assert_eq!(refetched["order"].as_f64(), Some(95.0));
    }
}

/// No client of the specification does this; users of two programs at once do.
#[tokio::test]
async fn a_list_of_hundreds_is_cleared_in_one_request() {
    let user = User::start(three_savers()).await;
    let client = client(&user, "/todos");
    let mut last = String::new();
    for n in 0..300 {
        last = user.add(&format!("item {n}")).await;
    }
    user.saved(&last).await;
    user.quiet(&["save-handler"]).await;
    assert_eq!(client.list().await.len(), 300);
    client.clear().await;
    assert_eq!(client.list().await, Vec::<Value>::new());
}
