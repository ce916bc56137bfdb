//! A client of the web page and the API.

pub(crate) mod publisher;

use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::json;
use testkit::http::{self, Response};
use tokio::time::sleep;
use uuid::Uuid;

use crate::clients::Clients;
use crate::history::{Action, Answer};

/// The lists that items are added to.
pub(crate) const LISTS: [&str; 3] = ["default", "shopping", "work"];

/// Pause of a client between two operations (ms).
const THINKING_MS: std::ops::Range<u64> = 30..120;

/// Pause of a client before it retries a request (ms).
const AGAIN_MS: std::ops::Range<u64> = 100..400;

/// One client.
pub(crate) struct Client<'c> {
    clients: &'c Clients,
    rng: StdRng,
}

/// A request of a client.
struct Request {
    method: &'static str,
    service: &'static str,
    path: String,
    kind: &'static str,
    body: String,
    /// The `Idempotency-Key`.
    key: Option<String>,
    /// Set when the request may be repeated, because the repetition has no further effect.
    again: bool,
}

impl<'c> Client<'c> {
    pub(crate) fn new(clients: &'c Clients, number: usize) -> Self {
        let rng = clients.chance(number);
        Self { clients, rng }
    }

    /// Uses the system until the load is over.
    pub(crate) async fn work(mut self) {
        while !self.clients.is_over() {
            match self.rng.random_range(0..100) {
                0..25 => self.add(false).await,
                25..45 => self.add(true).await,
                45..55 => self.add_on_the_page().await,
                55..90 => self.change().await,
                90..94 => self.delete().await,
                94..96 => self.add_nonsense().await,
                _ => self.look().await,
            }
            let thinking = self.rng.random_range(THINKING_MS);
            sleep(Duration::from_millis(thinking)).await;
        }
    }

    /// Adds an item through the API. Without an idempotency key it sends the request once; with one it
    /// retries until it is accepted, and now and then repeats it.
    async fn add(&mut self, keyed: bool) {
        let number = self.clients.number();
        let list = LISTS[self.rng.random_range(0..LISTS.len())];
        let operation = self.clients.begin(Action::Add, None);
        let request = Request {
            method: "POST",
            service: API,
            path: "/todo".to_owned(),
            kind: "application/json",
            body: json!({ "item": format!("item {number}"), "list": list }).to_string(),
            key: keyed.then(|| format!("key {number}")),
            again: keyed,
        };
        let answer = self.ask_until_heard(operation, request).await;
        let id = answer.and_then(|answer| answer.json().ok()?["id"].as_str()?.parse().ok());
        if let Some(id) = id {
            self.clients.added(operation, id);
        }
    }

    /// Sends the page's form, with one idempotency key until it is accepted.
    async fn add_on_the_page(&mut self) {
        let (number, key) = (self.clients.number(), self.rng.random::<u128>());
        let id = uuid::Builder::from_random_bytes(key.to_be_bytes()).into_uuid();
        let operation = self.clients.begin(Action::Add, None);
        let request = Request {
            method: "POST",
            service: WEB,
            path: "/new".to_owned(),
            kind: FORM,
            body: format!("item=page+{number}&key={id}"),
            key: None,
            again: true,
        };
        if self.ask_until_heard(operation, request).await.is_some() {
            self.clients.added(operation, id);
        }
    }

    /// Changes an item a few times in quick succession.
    async fn change(&mut self) {
        let Some(item) = self.clients.choose(&mut self.rng) else {
            return;
        };
        for _ in 0..self.rng.random_range(1..=4) {
            let operation = self.clients.begin(Action::Change, Some(item));
            let request = if self.rng.random_range(0..4) == 0 {
                self.change_on_the_page(item)
            } else {
                self.change_by_the_api(item)
            };
            self.ask_until_heard(operation, request).await;
        }
    }

    fn change_by_the_api(&mut self, item: Uuid) -> Request {
        let number = self.clients.number();
        let change = match self.rng.random_range(0..4) {
            0 => json!({ "item": format!("text {number}") }),
            1 => json!({ "completed": true }),
            2 => json!({ "completed": false }),
            _ => json!({ "order": self.rng.random_range(0.0..1e9) }),
        };
        let keyed = self.rng.random::<bool>();
        Request {
            method: "PATCH",
            service: API,
            path: format!("/todo/{item}"),
            kind: "application/json",
            body: change.to_string(),
            key: keyed.then(|| format!("key {number}")),
            again: keyed,
        }
    }

    fn change_on_the_page(&mut self, item: Uuid) -> Request {
        let (verb, body) = match self.rng.random_range(0..3) {
            0 => (
                "rename",
                format!("item=page+text+{}", self.clients.number()),
            ),
            1 => ("complete", String::new()),
            _ => ("reopen", String::new()),
        };
        Request {
            method: "POST",
            service: WEB,
            path: format!("/items/{item}/{verb}"),
            kind: FORM,
            body,
            key: None,
            again: false,
        }
    }

    async fn delete(&mut self) {
        let Some(item) = self.clients.choose(&mut self.rng) else {
            return;
        };
        let operation = self.clients.begin(Action::Delete, Some(item));
        let on_the_page = self.rng.random::<bool>();
        let request = Request {
            method: if on_the_page { "POST" } else { "DELETE" },
            service: if on_the_page { WEB } else { API },
            path: if on_the_page {
                format!("/items/{item}/delete")
            } else {
                format!("/todo/{item}")
            },
            kind: FORM,
            body: String::new(),
            key: None,
            again: false,
        };
        if self.ask_until_heard(operation, request).await.is_none() {
            return;
        }
        let is_undone = self.rng.random_range(0..3) == 0 && self.restore(item).await;
        if !is_undone {
            self.clients.forget(item);
        }
    }

    /// Restores a deleted item, as one can on the page, and returns whether that was accepted.
    async fn restore(&mut self, item: Uuid) -> bool {
        let operation = self.clients.begin(Action::Restore, Some(item));
        let request = Request {
            method: "POST",
            service: WEB,
            path: format!("/items/{item}/restore"),
            kind: FORM,
            body: String::new(),
            key: None,
            again: false,
        };
        self.ask_until_heard(operation, request).await.is_some()
    }

    /// Sends a request that has to be rejected, and must not become an event.
    async fn add_nonsense(&mut self) {
        let operation = self.clients.begin(Action::Add, None);
        let request = Request {
            method: "POST",
            service: API,
            path: "/todo".to_owned(),
            kind: "application/json",
            body: json!({ "item": "a\u{7}b" }).to_string(),
            key: None,
            again: false,
        };
        self.ask_until_heard(operation, request).await;
    }

    /// Reads a list, as most users do.
    async fn look(&mut self) {
        let (service, path) = if self.rng.random::<bool>() {
            (WEB, "/")
        } else {
            (API, "/todo?list=shopping")
        };
        let url = self.clients.place(service, &mut self.rng) + path;
        let status = http::get(&url).await.map_or(0, |answer| answer.status);
        self.clients.count("GET", status);
    }

    /// Sends the request to a random member. One that may be repeated is retried until it is answered
    /// for good, and some of the accepted ones are sent once more. Returns the first response that
    /// accepts it.
    async fn ask_until_heard(&mut self, operation: usize, request: Request) -> Option<Response> {
        let mut accepted = None;
        loop {
            let (answer, response) = self.ask(operation, &request).await;
            let again = match answer {
                Answer::No => false,
                Answer::Unknown => true,
                Answer::Yes => accepted.is_none() && self.rng.random_range(0..4) == 0,
            };
            if answer == Answer::Yes && accepted.is_none() {
                accepted = response;
            }
            if !request.again || !again || self.clients.is_over() {
                return accepted;
            }
            let pause = self.rng.random_range(AGAIN_MS);
            sleep(Duration::from_millis(pause)).await;
        }
    }

    async fn ask(&mut self, operation: usize, request: &Request) -> (Answer, Option<Response>) {
        // The events of this request carry this id.
        let mark = format!("chaos-{}", self.clients.number());
        let mut headers = vec![
            ("x-request-id", mark.as_str()),
            ("content-type", request.kind),
        ];
        if let Some(key) = request.key.as_deref() {
            headers.push(("idempotency-key", key));
        }
        let url = self.clients.place(request.service, &mut self.rng) + &request.path;
        let body = request.body.as_bytes();
        let response = http::request(request.method, &url, &headers, body).await;
        let response = response.ok();
        let status = response.as_ref().map_or(0, |response| response.status);
        let answer = match status {
            200..400 => Answer::Yes,
            // It timed out, with an unknown outcome; or another request with its key is in flight.
            408 | 409 => Answer::Unknown,
            400..500 => Answer::No,
            _ => Answer::Unknown,
        };
        self.clients.count(request.method, status);
        self.clients.note(operation, mark, answer);
        (answer, response)
    }
}

const API: &str = "todo-api";

const WEB: &str = "todo-web";

const FORM: &str = "application/x-www-form-urlencoded";
