//! A visitor's way to the page: one method for each thing that they can do.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode, header},
};
use bus::{Bus, ReceivedMessage, Streams, Subscription};
use events::{
    Decode, Envelope, EventId, ItemId, ItemSaved, Origin, Raw, StreamIdentity, TodoEvent,
};
use http_body_util::BodyExt;
use store::ItemStore;
use testkit::{Broker, BrokerOptions, Link, eventually};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use url::form_urlencoded;
use uuid::Uuid;

/// The subject of the message that marks the end of the published events.
const MARK: &str = "events.todo.mark";

pub(crate) struct TestApp {
    pub(crate) router: Router,
    pub(crate) stop: CancellationToken,
    pub(crate) language: &'static str,
    pub(crate) broker: Link,
    pub(crate) database: Link,
    pub(crate) pool: store::Database,
    observer: Bus,
    events: Subscription,
    items: ItemStore,
    stream: Arc<StreamIdentity>,
    saved: u64,
    servers: (Broker, testkit::Database),
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl TestApp {
    pub(crate) async fn start() -> Self {
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
        let bus = Bus::connect(&url, "todo-web", "todo-web-1").await.unwrap();
        let pool = store::Database::connect(&database.url(&servers.1.url()), "todo-web-1", 4);
        let pool = pool.unwrap();
        let (mut connected, mut reachable) = (bus.connected(), pool.reachable());
        connected.wait_for(|connected| *connected).await.unwrap();
        reachable.wait_for(|reachable| *reachable).await.unwrap();

        let stop = CancellationToken::new();
        let app = todo_web::App::new(bus, &pool, stop.clone());
        tokio::spawn(app.watch());
        Self {
            router: todo_web::routes(app),
            stop,
            language: "en",
            broker,
            database,
            observer,
            events,
            items: ItemStore::new(pool.clone()),
            pool,
            stream: StreamIdentity::new("TODO", OffsetDateTime::now_utc()).into(),
            saved: 0,
            servers,
        }
    }

    /// The routes of another process of the same service, once it knows the stream's last sequence.
    pub(crate) async fn another(&self) -> Router {
        let bus = Bus::connect(&self.servers.0.url(), "todo-web", "todo-web-2").await;
        let pool = store::Database::connect(&self.servers.1.url(), "todo-web-2", 1).unwrap();
        let app = todo_web::App::new(bus.unwrap(), &pool, self.stop.clone());
        tokio::spawn(app.watch());
        let router = todo_web::routes(app);
        eventually(
            "another process is up to date",
            Duration::from_secs(10),
            async || {
                let page = Request::get("/").body(Body::empty()).unwrap();
                let page = router.clone().oneshot(page).await.unwrap();
                let body = page.into_body().collect().await.unwrap().to_bytes();
                !String::from_utf8_lossy(&body).contains("data-after=\"0\"")
            },
        )
        .await;
        router
    }

    /// Does something to the database as its owner.
    pub(crate) async fn sql(&self, statement: &str) -> String {
        self.servers.1.execute(statement).await.unwrap()
    }

    /// A member of another service, connected.
    pub(crate) async fn member(&self, service: &str, name: &str) -> Bus {
        let member = Bus::connect(&self.servers.0.url(), service, name).await;
        let member = member.unwrap();
        member.wait_connected().await;
        member
    }

    /// Publishes that an item of a list was saved. Returns its sequence in the stream.
    pub(crate) async fn announce(&self, list: &str, item: &str) -> u64 {
        let now = OffsetDateTime::now_utc();
        let cause = EventId::from(ItemId::from(Uuid::now_v7()));
        let saved = ItemSaved {
            id: Uuid::now_v7().into(),
            list: list.parse().unwrap(),
            item: item.parse().unwrap(),
            completed: false,
            order: 1.0.try_into().unwrap(),
            deleted: false,
            added_at: now,
            version: 1,
            cause: cause.clone(),
        };
        let id = EventId::of_version(saved.id, saved.version);
        let sealed = Envelope::seal(&saved, id, "test", now);
        self.observer.publish(&sealed).await.unwrap().sequence
    }

    /// Follows a link on another page.
    pub(crate) async fn visit_from(&self, referrer: &str, path: &str) -> Answer {
        let request = Request::get(path)
            .header(header::HOST, "todo.example")
            .header(header::REFERER, format!("http://todo.example{referrer}"));
        self.send(request.body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn visit(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap())
            .await
    }

    pub(crate) async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body.into())
            .unwrap();
        self.send(request).await
    }

    /// Sends a change as the page's script does, under its key.
    pub(crate) async fn change(&self, path: &str, key: &str, fields: &[(&str, &str)]) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .append_pair("key", key)
            .finish();
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("todo-change", key)
            .body(body.into())
            .unwrap();
        self.send(request).await
    }

    pub(crate) async fn send(&self, mut request: Request<Body>) -> Answer {
        let language = self.language.parse().unwrap();
        request
            .headers_mut()
            .insert(header::ACCEPT_LANGUAGE, language);
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    /// Types a text into the form of the home page and sends it.
    pub(crate) async fn add(&self, text: &str) -> Answer {
        let key = self.visit("/").await.key();
        self.submit("/new", &[("key", &key), ("item", text)]).await
    }

    /// Adds an item to a list and has it saved.
    pub(crate) async fn has_in(&mut self, list: &str, text: &str) -> ItemId {
        let fields = [("list", list), ("item", text)];
        self.submit("/new", &fields).await;
        let added = self.save().await;
        added.expect("it was added")
    }

    /// Sends the form for a new item until it is accepted.
    pub(crate) async fn accepts(&self, fields: &[(&str, &str)]) {
        eventually(
            "the form is accepted",
            Duration::from_secs(10),
            async || self.submit("/new", fields).await.status == StatusCode::SEE_OTHER,
        )
        .await;
    }

    /// Adds an item and has it saved.
    pub(crate) async fn has(&mut self, text: &str) -> ItemId {
        let answer = self.add(text).await;
        self.save().await;
        answer.accepted()
    }

    /// Returns the events that were published since the last call.
    pub(crate) async fn published(&mut self) -> Vec<ReceivedMessage> {
        self.observer.send_raw(MARK, "").await.unwrap();
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

    /// Handles the events that were published since the last call as the save-handler does. Returns the item
    /// of the last one.
    pub(crate) async fn save(&mut self) -> Option<ItemId> {
        let mut item = None;
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
                panic!("the page publishes only what happens to items");
            };
            let applied = [(&event, received.origin.position())];
            self.items.apply(applied).await.unwrap();
            item = Some(event.item_id());
        }
        item
    }

    /// Waits until the page is as `look` wants it.
    pub(crate) async fn sees(&self, what: &str, look: impl Fn(&Answer) -> bool) {
        eventually(what, Duration::from_secs(10), async || {
            look(&self.visit("/").await)
        })
        .await;
    }
}

impl Answer {
    /// The hidden key of the form on the page.
    pub(crate) fn key(&self) -> String {
        self.between("name=\"key\" value=\"", "\"").to_owned()
    }

    /// The hidden fields of that form.
    pub(crate) fn hidden(&self) -> Vec<(&str, &str)> {
        let (_, form) = self.body.split_once("<form class=\"add\"").unwrap();
        let form = form.split("</form>").next().unwrap();
        let fields = form.split("<input type=\"hidden\" name=\"").skip(1);
        fields
            .map(|field| {
                let (name, rest) = field.split_once("\" value=\"").unwrap();
                (name, rest.split('"').next().unwrap())
            })
            .collect()
    }

    /// The item that the answer says was accepted.
    pub(crate) fn accepted(&self) -> ItemId {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{}", self.body);
        self.location()
            .strip_prefix("/?accepted=")
            .unwrap()
            .parse()
            .unwrap()
    }

    pub(crate) fn location(&self) -> &str {
        self.header("location")
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// Returns whether the response varies by this request header.
    pub(crate) fn varies_by(&self, name: &str) -> bool {
        let mut headers = self.headers.get_all(header::VARY).iter();
        headers.any(|value| value == name)
    }

    pub(crate) fn has(&self, text: &str) -> bool {
        self.body.contains(text)
    }

    /// The texts of the items on the page, from the top, as they are written in the page; those that
    /// are done in brackets.
    pub(crate) fn items(&self) -> Vec<String> {
        let list = self.body.split("<template").next().unwrap();
        let rows = list.split("<li id=\"item-").skip(1);
        let shown = |row: &str| {
            let (head, label) = row.split_once("<label").unwrap();
            let (_, text) = label.split_once('>').unwrap();
            let (_, text) = text.split_once('>').unwrap();
            let text = text.split("</span></label>").next().unwrap();
            if head.contains(" checked") {
                format!("[{text}]")
            } else {
                text.to_owned()
            }
        };
        rows.map(shown).collect()
    }

    fn between(&self, before: &str, after: &str) -> &str {
        let (_, rest) = self.body.split_once(before).unwrap();
        rest.split_once(after).unwrap().0
    }

    /// Asserts the properties of every page of a refusal.
    pub(crate) fn refuses(&self, status: StatusCode, advice: &str) {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(self.header("content-type"), "text/html; charset=utf-8");
        assert!(self.varies_by("accept-language"), "{:?}", self.headers);
        assert!(self.has("<html lang="), "{}", self.body);
        assert!(self.has(advice), "{advice}: {}", self.body);
    }
}
