//! Actions of a user, one method each.

use std::{process::Stdio, time::Duration};

use serde_json::{Value, json};
use testkit::{System, SystemOptions, eventually, http};
use tokio::process::Command;

/// Time within which anything must happen that should take a moment.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// A running system, and a user of it.
pub(crate) struct User {
    pub(crate) system: System,
}

impl User {
    pub(crate) async fn start(options: SystemOptions) -> Self {
        Self {
            system: System::start(options).await.unwrap(),
        }
    }

    fn web(&self) -> String {
        self.system
            .web()
            .expect("the web page runs")
            .trim_end_matches('/')
            .to_owned()
    }

    fn api(&self) -> String {
        self.system
            .api()
            .expect("the API runs")
            .trim_end_matches('/')
            .to_owned()
    }

    pub(crate) async fn page(&self) -> String {
        let page = http::get(&format!("{}/", self.web())).await.unwrap();
        assert_eq!(page.status, 200, "{}", page.text());
        page.text()
    }

    /// Opens the page and sends its form, as a browser would.
    pub(crate) async fn add_on_the_page(&self, item: &str) -> http::Response {
        let page = self.page().await;
        let key = between(&page, "name=\"key\" value=\"", "\"");
        self.send_form(item, key).await
    }

    pub(crate) async fn send_form(&self, item: &str, key: &str) -> http::Response {
        let form = [("item", item), ("key", key)];
        http::post_form(&format!("{}/new", self.web()), &form)
            .await
            .unwrap()
    }

    pub(crate) async fn follow(&self, response: &http::Response) -> String {
        assert_eq!(response.status, 303, "{}", response.text());
        let location = response.header("location").unwrap();
        http::get(&format!("{}{location}", self.web()))
            .await
            .unwrap()
            .text()
    }

    pub(crate) async fn change_on_the_page(
        &self,
        id: &str,
        action: &str,
        fields: &[(&str, &str)],
    ) -> http::Response {
        let address = format!("{}/items/{id}/{action}", self.web());
        http::post_form(&address, fields).await.unwrap()
    }

    pub(crate) async fn add(&self, item: &str) -> String {
        let answer = self.post(&json!({ "item": item })).await;
        assert_eq!(answer.status, 202, "{}", answer.text());
        answer.json().unwrap()["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn post(&self, body: &Value) -> http::Response {
        http::post_json(&format!("{}/todo", self.api()), body)
            .await
            .unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> http::Response {
        http::get(&format!("{}{path}", self.api())).await.unwrap()
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: &str) -> http::Response {
        let headers: &[(&str, &str)] = if body.is_empty() {
            &[]
        } else {
            &[("content-type", "application/json")]
        };
        let address = format!("{}{path}", self.api());
        http::request(method, &address, headers, body.as_bytes())
            .await
            .unwrap()
    }

    /// Sends a request that waits up to `wait` seconds for the save.
    pub(crate) async fn send_and_wait(
        &self,
        wait: u32,
        method: &str,
        path: &str,
        body: &Value,
    ) -> http::Response {
        let prefer = format!("wait={wait}");
        let headers = [("content-type", "application/json"), ("prefer", &prefer)];
        let address = format!("{}{path}", self.api());
        let body = body.to_string();
        http::request(method, &address, &headers, body.as_bytes())
            .await
            .unwrap()
    }

    /// Returns the item as soon as it is saved.
    pub(crate) async fn saved(&self, id: &str) -> Value {
        eventually(&format!("item {id} is saved"), SOON, async || {
            let answer = self.get(&format!("/todo/{id}")).await;
            if answer.status == 200 {
                Ok(answer.json().unwrap())
            } else {
                Err(answer.status)
            }
        })
        .await
    }

    /// Waits until the page shows `text`.
    pub(crate) async fn sees(&self, text: &str) {
        eventually(&format!("the page shows {text}"), SOON, async || {
            self.page().await.contains(text)
        })
        .await;
    }

    /// Returns the one value that a statement selects.
    pub(crate) async fn sql(&self, statement: &str) -> String {
        // The superuser's own connection, so that no service's pool has a part in it.
        self.system.sql(statement).await.unwrap().trim().to_owned()
    }

    /// Waits until the statement's value is `expected`.
    pub(crate) async fn sql_becomes(&self, statement: &str, expected: &str) {
        eventually(&format!("`{statement}` is {expected}"), SOON, async || {
            let value = self.sql(statement).await;
            if value == expected {
                Ok(())
            } else {
                Err(value)
            }
        })
        .await;
    }

    /// Returns a command that runs `todoctl` as the operator.
    pub(crate) fn todoctl(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.system.program("todoctl").unwrap());
        command.args(arguments).env("NATS_URL", self.system.nats());
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    pub(crate) async fn publish(&self, subject: &str, body: &str) {
        let output = self
            .todoctl(&["pub", subject, body])
            .output()
            .await
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// Returns the broker's report on its streams and their consumers.
    pub(crate) async fn jetstream(&self) -> Value {
        let monitor = self.system.monitor();
        let address = format!("{}/jsz?consumers=true", monitor.trim_end_matches('/'));
        http::get(&address).await.unwrap().json().unwrap()
    }

    /// Returns the number of messages in a stream.
    pub(crate) async fn messages(&self, stream: &str) -> u64 {
        let report = self.jetstream().await;
        let streams = report["account_details"][0]["stream_detail"]
            .as_array()
            .unwrap();
        let found = streams
            .iter()
            .find(|detail| detail["name"] == stream)
            .unwrap();
        found["state"]["messages"].as_u64().unwrap()
    }

    /// Waits until each of the groups has acknowledged everything.
    pub(crate) async fn quiet(&self, groups: &[&str]) {
        eventually("every group has handled everything", SOON, async || {
            let report = self.jetstream().await;
            let streams = &report["account_details"][0]["stream_detail"];
            let consumers: Vec<_> = streams
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|stream| stream["consumer_detail"].as_array())
                .flatten()
                .cloned()
                .collect();
            // A group has a durable consumer of events, and one of replays.
            let idle = |group: &str| {
                let places = consumers.iter().filter(|place| place["name"] == *group);
                let idle =
                    |place: &Value| place["num_pending"] == 0 && place["num_ack_pending"] == 0;
                places.clone().any(|place| place["stream_name"] == "TODO")
                    && places.into_iter().all(idle)
            };
            if groups.iter().all(|group| idle(group)) {
                Ok(())
            } else {
                Err(consumers)
            }
        })
        .await;
    }
}

/// Returns the text between two others.
pub(crate) fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = text
        .split_once(start)
        .unwrap_or_else(|| panic!("no {start} in {text}"));
    rest.split_once(end).unwrap().0
}
