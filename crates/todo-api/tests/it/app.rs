//! A caller's way to the API: one method for each thing that it can do.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode, header},
};
use bus::{AnswerError, Bus, Heard, Streams, Subscription};
use events::{Decode, Origin, Raw, StreamIdentity, TodoEvent};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use store::ItemStore;
use testkit::{Broker, BrokerOptions, Link};
use time::OffsetDateTime;
use todo_api::{App, Tokens};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// Where the test marks the end of what was published.
const MARK: &str = "events.todo.mark";

pub(crate) struct TestApp {
    router: Router,
    app: App,
    bus: Bus,
    pub(crate) broker: Link,
    pub(crate) database: Link,
    observer: Bus,
    events: Subscription,
    items: ItemStore,
    stream: Arc<StreamIdentity>,
    saved: u64,
    _servers: (Broker, testkit::Database),
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl TestApp {
    pub(crate) async fn start() -> Self {
        Self::start_for(Tokens::default()).await
    }

    /// The same for callers who have one of these tokens.
    pub(crate) async fn start_for(tokens: Tokens) -> Self {
        let servers = (
            Broker::start(BrokerOptions::default()).await.unwrap(),
            testkit::Database::create().await,
        );
        store::migrate(&servers.1.url()).await.unwrap();
        let observer = Bus::connect(&servers.0.url(), "test", "test")
            .await
            .unwrap();
        observer.ensure_streams(Streams::default()).await.unwrap();
        let events = observer.subscribe(events::ALL_SUBJECTS).await.unwrap();

        let broker = Link::start(&servers.0.url()).await.unwrap();
        let database = Link::start(&servers.1.url()).await.unwrap();
        let url = broker.url(&servers.0.url());
        let bus = Bus::connect(&url, "todo-api", "todo-api-1").await.unwrap();
        let pool = store::Database::connect(&database.url(&servers.1.url()), "todo-api-1", 4);
        let pool = pool.unwrap();
        let (mut connected, mut reachable) = (bus.connected(), pool.reachable());
        connected.wait_for(|connected| *connected).await.unwrap();
        reachable.wait_for(|reachable| *reachable).await.unwrap();

        let app = App::new(bus.clone(), &pool);
        Self {
            router: service::http::observed(todo_api::routes(app.clone(), tokens)),
            app,
            bus,
            broker,
            database,
            observer,
            events,
            items: ItemStore::new(pool),
            stream: StreamIdentity::new("TODO", OffsetDateTime::now_utc()).into(),
            saved: 0,
            _servers: servers,
        }
    }

    /// Answers questions over the broker until `stop` is cancelled.
    pub(crate) async fn answer(&self, stop: CancellationToken) -> Result<(), AnswerError> {
        todo_api::answer(&self.app, &self.bus, stop).await
    }

    /// Somebody else at the broker, whom its link does not concern.
    pub(crate) fn observer(&self) -> &Bus {
        &self.observer
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap())
            .await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(json_request("POST", path, body)).await
    }

    pub(crate) async fn patch(&self, id: &str, body: &Value) -> Answer {
        self.send(json_request("PATCH", &format!("/todo/{id}"), body))
            .await
    }

    pub(crate) async fn delete(&self, id: &str) -> Answer {
        let request = Request::delete(format!("/todo/{id}"));
        self.send(request.body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = match &body[..] {
            b"" => Value::Null,
            body => serde_json::from_slice(body).unwrap(),
        };
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    /// Adds an item and has it saved.
    pub(crate) async fn has(&mut self, text: &str) -> String {
        let answer = self.post("/todo", &json!({ "item": text })).await;
        self.save().await;
        answer.accepted()
    }

    /// What was published since this was last asked.
    pub(crate) async fn published(&mut self) -> Vec<Heard> {
        self.observer.notify(MARK, "").await.unwrap();
        let mut published = Vec::new();
        loop {
            let heard = tokio::time::timeout(Duration::from_secs(10), self.events.next());
            let heard = heard.await.unwrap().unwrap();
            if heard.subject() == MARK {
                return published;
            }
            published.push(heard);
        }
    }

    /// Does what the save-handler does with what was published since this was last asked.
    pub(crate) async fn save(&mut self) {
        for heard in self.published().await {
            self.saved += 1;
            let origin = Origin {
                stream: Arc::clone(&self.stream),
                sequence: self.saved,
                stored_at: OffsetDateTime::now_utc(),
            };
            let raw = Raw {
                subject: heard.subject(),
                header: &|name| heard.header(name),
                payload: heard.payload(),
            };
            let received = TodoEvent::decode(&raw, origin).unwrap();
            let TodoEvent::Item(event) = received.event else {
                panic!("the API publishes only what happens to items");
            };
            let applied = [(&event, received.origin.position())];
            self.items.apply(applied).await.unwrap();
        }
    }
}

/// A request whose body is JSON; a test may add to it.
pub(crate) fn json_request(method: &str, path: &str, body: &Value) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::CONTENT_TYPE, "application/json")
        .body(body.to_string().into())
        .unwrap()
}

impl Answer {
    /// The item that the answer says was accepted.
    pub(crate) fn accepted(&self) -> String {
        assert_eq!(self.status, StatusCode::ACCEPTED, "{}", self.body);
        let id = self.body["id"].as_str().unwrap();
        assert_eq!(self.header("location"), format!("/todo/{id}"));
        id.to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// Asserts what holds for every problem document, and that its detail has `advice`.
    #[track_caller]
    pub(crate) fn refuses(&self, status: StatusCode, kind: &str, advice: &str) {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.body["status"], status.as_u16());
        assert_eq!(self.body["type"], format!("/problems/{kind}"));
        assert_eq!(self.body["requestId"], self.header("x-request-id"));
        assert!(self.body["title"].is_string());
        let detail = self.body["detail"].as_str().unwrap_or_default();
        assert!(detail.contains(advice), "{}", self.body);
    }

    /// The fields that the problem names, with what is said of each.
    pub(crate) fn faults(&self) -> Vec<(&str, &str)> {
        let faults = self.body["errors"]
            .as_array()
            .map_or(&[][..], Vec::as_slice);
        let faults = faults.iter();
        faults
            .map(|fault| (text(fault, "field"), text(fault, "detail")))
            .collect()
    }
}

fn text<'a>(fault: &'a Value, name: &str) -> &'a str {
    fault[name].as_str().unwrap()
}
