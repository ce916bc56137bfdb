//! `/todos` and `/lists/{list}/todos`

mod late;

use std::time::Duration;

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use events::{Event, ItemCompleted, ItemMoved, NewItem};
use serde_json::{Value, json};
use todo_api::Policy;

use crate::app::{Answer, TestApp, json_request};

const UNPROCESSABLE: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;

fn post(path: &str, todo: &Value) -> Request<Body> {
    json_request("POST", path, todo)
}

fn patch(path: &str, change: &Value) -> Request<Body> {
    json_request("PATCH", path, change)
}

fn bare(method: &str, path: &str) -> Request<Body> {
    let request = Request::builder().method(method).uri(path);
    request
        .header("host", "todo.example:8081")
        .body(Body::empty())
        .unwrap()
}

/// Sends a request that publishes `events` events, and saves them.
async fn saved(app: &mut TestApp, events: usize, mut request: Request<Body>) -> Answer {
    let headers = request.headers_mut();
    headers.insert("host", "todo.example:8081".parse().unwrap());
    let answer = app.begin(request);
    for _ in 0..events {
        app.save_next().await;
    }
    answer.await.unwrap()
}

/// Adds a todo, and returns its path.
async fn has(app: &mut TestApp, path: &str, title: &str) -> String {
    let answer = saved(app, 1, post(path, &json!({ "title": title }))).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    let url = answer.body["url"].as_str().unwrap();
    let path = url.strip_prefix("http://todo.example:8081").unwrap();
    path.to_owned()
}

#[tokio::test]
async fn a_todo_is_added_when_it_is_saved_and_has_an_absolute_url() {
    let mut app = TestApp::start().await;
    let answer = saved(&mut app, 1, post("/todos", &json!({ "title": " 우유 " }))).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    let todo = answer.body.as_object().unwrap();
    let fields: Vec<_> = todo.keys().map(String::as_str).collect();
    assert_eq!(fields, ["completed", "order", "title", "url"]);
    assert_eq!(todo["title"], "우유");
    assert_eq!(todo["completed"], false);
    assert!(todo["order"].is_f64());
    assert_eq!(answer.header("location"), todo["url"].as_str().unwrap());
    assert_eq!(answer.header("preference-applied"), "");

    let path = answer
        .header("location")
        .replace("http://todo.example:8081", "");
    let shown = app.send(bare("GET", &path)).await;
    assert_eq!((shown.status, &shown.body), (StatusCode::OK, &answer.body));
    let list = app.send(bare("GET", "/todos")).await;
    assert_eq!(list.body, json!([answer.body]));
    // It is the same list as everywhere.
    let list = app.get("/todo").await;
    assert_eq!(list.body["items"][0]["item"], "우유");
    assert_eq!(app.replies.awaited(), 0);
}

#[tokio::test]
async fn who_does_not_say_whom_it_calls_gets_urls_without_a_host() {
    let mut app = TestApp::start().await;
    let path = has(&mut app, "/todos", "buy milk").await;
    let list = app.get("/todos").await;
    assert_eq!(list.body[0]["url"], path);
}

#[tokio::test]
async fn behind_a_proxy_with_tls_the_urls_are_https() {
    let mut app = TestApp::start().await;
    let path = has(&mut app, "/todos", "buy milk").await;
    for (scheme, told) in [("https", "https"), ("http", "http"), ("javascript", "http")] {
        let request = Request::get("/todos")
            .header("host", "todo.example")
            .header("x-forwarded-proto", scheme);
        let list = app.send(request.body(Body::empty()).unwrap()).await;
        let url = format!("{told}://todo.example{path}");
        assert_eq!(list.body[0]["url"], url);
    }
}

#[tokio::test]
async fn a_todo_may_have_its_place_and_be_completed_from_the_start() {
    let mut app = TestApp::start().await;
    let todo = json!({ "title": "buy milk", "completed": true, "order": 523, "url": "ignored" });
    let answer = saved(&mut app, 3, post("/todos", &todo)).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    assert_eq!(answer.body["completed"], true);
    assert_eq!(answer.body["order"], 523.0);
}

/// A todo that was accepted in part is not visible, so that sending it again makes no second one.
#[tokio::test]
async fn what_a_todo_begins_with_is_stored_before_the_todo_is() {
    let mut app = TestApp::start().await;
    let todo = json!({ "title": "buy milk", "completed": true, "order": 523 });
    let answer = app.begin(post("/todos", &todo));
    let mut events = Vec::new();
    for _ in 0..3 {
        events.push(app.next().await);
    }
    let mut subjects: Vec<_> = events.iter().map(bus::ReceivedMessage::subject).collect();
    assert_eq!(subjects.pop(), Some(NewItem::SUBJECT));
    subjects.sort_unstable();
    assert_eq!(subjects, [ItemCompleted::SUBJECT, ItemMoved::SUBJECT]);
    // Members take them in any order.
    for event in events.iter().rev() {
        app.save_one(event).await;
    }
    assert_eq!(answer.await.unwrap().body["order"], 523.0);
}

#[tokio::test]
async fn a_list_of_its_own_has_its_own_addresses() {
    let mut app = TestApp::start().await;
    let path = has(&mut app, "/lists/%EC%9D%BC%20work/todos", "write").await;
    assert!(path.starts_with("/lists/%EC%9D%BC%20work/todos/"), "{path}");
    assert_eq!(app.get(&path).await.body["title"], "write");
    assert_eq!(app.get("/todos").await.body, json!([]));
    let list = app.get("/todo?list=%EC%9D%BC%20work").await;
    assert_eq!(list.body["items"][0]["list"], "일 work");
    let same = has(&mut app, "/lists/default/todos", "read").await;
    let id = same.rsplit('/').next().unwrap();
    assert_eq!(
        app.get(&format!("/todos/{id}")).await.status,
        StatusCode::OK
    );

    // A todo is in one list only.
    let id = path.rsplit('/').next().unwrap();
    let elsewhere = format!("/todos/{id}");
    for request in [
        bare("GET", &elsewhere),
        bare("DELETE", &elsewhere),
        patch(&elsewhere, &json!({ "completed": true })),
        bare("GET", "/todos/none"),
    ] {
        let answer = app.send(request).await;
        answer.refuses(StatusCode::NOT_FOUND, "not-found", "no item with this id");
    }
    let answer = app.get("/lists/%00/todos").await;
    answer.refuses(StatusCode::NOT_FOUND, "not-found", "U+0000");
}

#[tokio::test]
async fn a_change_is_answered_when_all_of_it_is_saved() {
    let mut app = TestApp::start().await;
    let path = has(&mut app, "/todos", "buy milk").await;
    let change = json!({ "title": "buy oat milk", "completed": true, "order": 95 });
    let answer = saved(&mut app, 3, patch(&path, &change)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!(answer.body["title"], "buy oat milk");
    assert_eq!(answer.body["completed"], true);
    assert_eq!(answer.body["order"], 95.0);
    assert_eq!(app.send(bare("GET", &path)).await.body, answer.body);
    // What was in an answer may be sent back as it is.
    let answer = saved(&mut app, 3, patch(&path, &answer.body)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
}

#[tokio::test]
async fn a_todo_is_gone_when_its_deletion_is_answered() {
    let mut app = TestApp::start().await;
    let path = has(&mut app, "/todos", "buy milk").await;
    let answer = saved(&mut app, 1, bare("DELETE", &path)).await;
    assert_eq!(
        (answer.status, answer.body),
        (StatusCode::NO_CONTENT, Value::Null)
    );
    assert_eq!(app.get(&path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(app.get("/todos").await.body, json!([]));
    let again = app.send(bare("DELETE", &path)).await;
    again.refuses(StatusCode::NOT_FOUND, "not-found", "no item with this id");
}

#[tokio::test]
async fn a_list_is_cleared_and_no_other() {
    let mut app = TestApp::start().await;
    for n in 0..150 {
        let todo = json!({ "item": format!("item {n}"), "list": "work" });
        app.post("/todo", &todo).await.accepted();
    }
    app.post("/todo", &json!({ "item": "stays" }))
        .await
        .accepted();
    app.save().await;
    let answer = saved(&mut app, 150, bare("DELETE", "/lists/work/todos")).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.body);
    assert_eq!(app.get("/lists/work/todos").await.body, json!([]));
    assert_eq!(app.get("/todos").await.body[0]["title"], "stays");
    let nothing = app.send(bare("DELETE", "/lists/work/todos")).await;
    assert_eq!(nothing.status, StatusCode::NO_CONTENT);
    assert_eq!(app.replies.awaited(), 0);
}

#[tokio::test]
async fn a_list_is_not_said_to_be_cleared_before_the_last_todo_is_gone() {
    let mut app = TestApp::start().await;
    for title in ["buy milk", "buy bread"] {
        has(&mut app, "/todos", title).await;
    }
    let mut answer = app.begin(bare("DELETE", "/todos"));
    app.save_next().await;
    let last = app.next().await;
    let early = tokio::time::timeout(Duration::from_millis(300), &mut answer).await;
    assert!(early.is_err(), "one of the two is still there");
    app.save_one(&last).await;
    assert_eq!(answer.await.unwrap().status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_long_list_says_where_it_goes_on() {
    let mut app = TestApp::start().await;
    let (first, second) = (
        has(&mut app, "/lists/a%20b/todos", "1").await,
        has(&mut app, "/lists/a%20b/todos", "2").await,
    );
    let page = app.get("/lists/a%20b/todos?limit=1").await;
    assert_eq!(page.body[0]["url"], first);
    assert_eq!(page.body.as_array().unwrap().len(), 1);
    let link = page.header("link");
    let to_first = "</lists/a%20b/todos?limit=1>; rel=\"first\"";
    let next = link.strip_prefix(to_first).unwrap();
    let next = next.strip_prefix(", <").unwrap().split('>').next().unwrap();
    assert!(
        next.starts_with("/lists/a%20b/todos?limit=1&after="),
        "{link}"
    );
    let page = app.get(next).await;
    assert_eq!(page.body[0]["url"], second);
    assert_eq!(page.header("link"), to_first);
    let all = app.get("/lists/a%20b/todos").await;
    assert!(!all.header("link").contains("next"), "{:?}", all.headers);
    let odd = app.get("/todos?limit=0&after=x").await;
    odd.refuses(StatusCode::BAD_REQUEST, "bad-query", "at most once");
}

#[tokio::test]
async fn what_is_wrong_with_a_todo_is_named() {
    let mut app = TestApp::start().await;
    let path = has(&mut app, "/todos", "buy milk").await;
    app.published().await;
    let wrong = json!({ "titel": "x", "completed": 1, "order": "first" });
    let answer = app.post("/todos", &wrong).await;
    answer.refuses(UNPROCESSABLE, "invalid-field", "`errors`");
    let faults = [
        ("title", "is missing"),
        ("completed", "must be true or false"),
        ("order", "must be a number"),
        (
            "titel",
            "is not known here; known are `title`, `completed` and `order`",
        ),
    ];
    assert_eq!(answer.faults(), faults);
    let answer = app.send(patch(&path, &json!({ "url": path }))).await;
    answer.refuses(
        UNPROCESSABLE,
        "nothing-to-change",
        "`title`, `completed` and `order`",
    );
    assert!(app.published().await.is_empty());
}

#[tokio::test]
async fn pages_of_other_sites_may_use_it_and_ask_for_leave_without_a_token() {
    let policy = Policy {
        api_tokens: Some("a-token-of-this-api".parse().unwrap()),
        ..Policy::default()
    };
    let app = TestApp::start_with(policy).await;
    let mut leave = bare("OPTIONS", "/todos/any");
    let headers = leave.headers_mut();
    headers.insert("origin", "https://todobackend.com".parse().unwrap());
    headers.insert("access-control-request-method", "PATCH".parse().unwrap());
    let asked = "content-type,authorization,x-of-a-library";
    headers.insert("access-control-request-headers", asked.parse().unwrap());
    let leave = app.send(leave).await;
    assert_eq!(leave.status, StatusCode::OK);
    assert_eq!(leave.header("access-control-allow-origin"), "*");
    assert_eq!(
        leave.header("access-control-allow-methods"),
        "GET,HEAD,POST,PATCH,DELETE"
    );
    let allowed = leave.header("access-control-allow-headers");
    assert_eq!(allowed, asked);

    let refused = app.send(bare("GET", "/todos")).await;
    refused.refuses(StatusCode::UNAUTHORIZED, "unauthorized", "Bearer");
    assert_eq!(refused.header("access-control-allow-origin"), "*");
    let exposed = refused.header("access-control-expose-headers");
    assert!(
        exposed.contains("location") && exposed.contains("link"),
        "{exposed}"
    );
    let mut with_token = bare("GET", "/todos");
    let token = "Bearer a-token-of-this-api".parse().unwrap();
    with_token.headers_mut().insert("authorization", token);
    assert_eq!(app.send(with_token).await.status, StatusCode::OK);
}
