//! A client of the API: one method for each operation.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode, header},
    response::Response,
};
use bus::{AnswerError, Bus, ReceivedMessage, Replies, Streams, Subscription};
use events::{Decode, ItemEvent, Origin, Raw, SaveReply, StreamIdentity, TodoEvent};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use store::{ItemStore, Saved};
use testkit::{Broker, BrokerOptions, Link};
use time::OffsetDateTime;
use todo_api::{App, Policy};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use tower::ServiceExt;
use uuid::Uuid;

/// UUID namespace of keys in the ledger. A changed one would make a release forget all keys.
pub(crate) const KEYS: Uuid = Uuid::from_u128(0x0d5c_3a3e_7b1f_5c64_9e0f_c2a5_81d4_6f17);

/// Subject of the message that marks the end of the published events.
const MARK: &str = "events.todo.mark";

pub(crate) struct TestApp {
    router: Router,
    app: App,
    bus: Bus,
    pub(crate) broker: Link,
    pub(crate) database: Link,
    pub(crate) replies: Replies,
    pub(crate) stop: CancellationToken,
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
        Self::start_with(Policy::default()).await
    }

    /// Starts the API with `policy`.
    pub(crate) async fn start_with(policy: Policy) -> Self {
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

        let (replies, stop) = (Replies::open(&bus).await.unwrap(), CancellationToken::new());
        let app = App::new(bus.clone(), replies.clone(), &pool, stop.clone());
        Self {
            router: todo_api::routes(app.clone(), &policy),
            app,
            bus,
            replies,
            stop,
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

    /// Answers requests over the broker until `stop` is cancelled.
    pub(crate) async fn answer(&self, stop: CancellationToken) -> Result<(), AnswerError> {
        todo_api::answer(&self.app, &self.bus, stop).await
    }

    /// Another client of the broker, whose connection does not go through the link.
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
        self.begin(request).await.unwrap()
    }

    /// Sends a request whose response is a stream without end.
    pub(crate) async fn open(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// Delivers saves to subscribers until the guard is dropped.
    pub(crate) fn watch(&self) -> DropGuard {
        let (app, dropped) = (self.app.clone(), CancellationToken::new());
        let watching = async move { app.watch().await };
        tokio::spawn(dropped.clone().run_until_cancelled_owned(watching));
        dropped.drop_guard()
    }

    /// Overwrites the entry under a key with an empty one.
    pub(crate) async fn forget(&self, key: &str) {
        let key = Uuid::new_v5(&KEYS, key.as_bytes());
        let noted = self.observer.get_entry(key).await.unwrap().unwrap();
        let nothing = self.observer.put_entry(key, noted.revision, "".into());
        nothing.await.unwrap();
    }

    /// Sends a request whose response is awaited later. Aborting the task is a disconnect of the caller.
    pub(crate) fn begin(&self, request: Request<Body>) -> JoinHandle<Answer> {
        let answer = self.router.clone().oneshot(request);
        tokio::spawn(async { Answer::read(answer.await.unwrap()).await })
    }

    /// Sends a request whose response may have any body.
    pub(crate) async fn fetch(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// Adds an item and has it saved.
    pub(crate) async fn has(&mut self, text: &str) -> String {
        let answer = self.post("/todo", &json!({ "item": text })).await;
        self.save().await;
        answer.accepted()
    }

    /// Returns the messages published since the last call.
    pub(crate) async fn published(&mut self) -> Vec<ReceivedMessage> {
        self.observer.send_raw(MARK, "").await.unwrap();
        let mut published = Vec::new();
        loop {
            let heard = self.next().await;
            if heard.subject() == MARK {
                return published;
            }
            published.push(heard);
        }
    }

    /// Saves the events published since the last call, as the save-handler does.
    pub(crate) async fn save(&mut self) {
        for heard in self.published().await {
            self.save_one(&heard).await;
        }
    }

    /// Waits for the next event and saves it as the save-handler does.
    pub(crate) async fn save_next(&mut self) {
        let heard = self.next().await;
        self.save_one(&heard).await;
    }

    /// Waits for the next event.
    pub(crate) async fn next(&mut self) -> ReceivedMessage {
        let heard = tokio::time::timeout(Duration::from_secs(10), self.events.next());
        heard.await.unwrap().unwrap()
    }

    pub(crate) async fn save_one(&mut self, heard: &ReceivedMessage) {
        let raw = Raw {
            subject: heard.subject(),
            header: &|name| heard.header(name),
            payload: heard.payload(),
        };
        let received = TodoEvent::decode(&raw, self.origin()).unwrap();
        let TodoEvent::Item(event) = received.event else {
            panic!("the API publishes only what happens to items");
        };
        let saved = self.apply(&event).await;
        let Some(reply_to) = received.meta.reply_to else {
            return;
        };
        let reply = SaveReply {
            saved: saved.into_event(received.meta.id),
        };
        let reply = reply.seal(reply_to, received.meta.correlation_id);
        self.observer.reply_all(vec![reply]).await;
    }

    /// Applies an event with a position after all before.
    pub(crate) async fn apply(&mut self, event: &ItemEvent) -> Saved {
        self.saved += 1;
        let applied = [(event, self.origin().position())];
        self.items.apply(applied).await.unwrap().remove(0)
    }

    fn origin(&self) -> Origin {
        Origin {
            stream: Arc::clone(&self.stream),
            sequence: self.saved,
            stored_at: OffsetDateTime::now_utc(),
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
    async fn read(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let kind = parts.headers.get(header::CONTENT_TYPE);
        let is = |name: &str| kind.is_some_and(|kind| kind == name);
        let body = match &body[..] {
            b"" => Value::Null,
            body if is("application/yaml") => str::from_utf8(body).unwrap().into(),
            body if is("application/x-ndjson") => {
                let lines = serde_json::Deserializer::from_slice(body).into_iter();
                lines.map(Result::unwrap).collect::<Vec<Value>>().into()
            }
            body => {
                assert!(body.ends_with(b"\n"), "a prompt stands behind {body:?}");
                serde_json::from_slice(body).unwrap()
            }
        };
        Self {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    /// The id in a 202 response.
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

    /// The fields that the problem names, with the detail of each.
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
