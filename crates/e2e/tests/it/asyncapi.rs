//! `docs/asyncapi.yaml` (AsyncAPI 3.0), generated from the code: subjects, types, headers and settings
//! are the services' own. `cargo xtask docs` writes it; a test compares.

mod channels;
mod messages;

use std::{collections::BTreeSet, fs, path::PathBuf, sync::Arc};

use bus::{AskError, Bus};
use events::{Decode, Origin, Raw, SaveReply, StreamIdentity, TodoEvent};
use serde::Serialize;
use serde_json::{Map, Value, json};
use testkit::{SystemOptions, http};
use time::OffsetDateTime;

use crate::{
    guide::root,
    user::{SOON, User, between},
};

/// The variable that is set to write the document in place of comparing it.
const RECORD: &str = "RECORD_DOCS";

const HEAD: &str =
    "# Written by `cargo xtask docs`, from what the code says (crates/e2e/tests/it/asyncapi.rs).\n";

/// The document, with its parts in the order in which they are read.
#[derive(Serialize)]
struct Document {
    asyncapi: &'static str,
    info: Value,
    #[serde(rename = "defaultContentType")]
    content_type: &'static str,
    servers: Value,
    channels: Map<String, Value>,
    operations: Map<String, Value>,
    components: Value,
    #[serde(rename = "x-streams")]
    streams: Map<String, Value>,
    #[serde(rename = "x-groups")]
    groups: Map<String, Value>,
}

fn document() -> Document {
    let messages::Components { messages, schemas } = messages::components();
    let user = json!({
        "type": "userPassword",
        "description": "Each service has a user of its own, who may do what its work needs: message-queue/users.conf",
    });
    Document {
        asyncapi: "3.0.0",
        info: json!({
            "title": "Todo on events",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What the services say to each other over NATS. An event is stored by the \
                stream before its publisher hears yes; each group gets every event, and its members \
                share them. `x-stream` of a channel says which stream stores it, `x-group` of an \
                operation which group takes it; `x-streams` and `x-groups` have their settings as \
                the broker's API writes them, durations in nanoseconds.",
            "license": { "name": "MIT OR Apache-2.0" },
        }),
        content_type: "application/json",
        servers: json!({ "message-queue": {
            "host": "localhost:4222",
            "protocol": "nats",
            "description": "NATS 2.9 or later, with JetStream",
            "security": [{ "$ref": "#/components/securitySchemes/user" }],
        } }),
        channels: channels::channels(),
        operations: channels::operations(),
        components: json!({
            "messages": messages, "schemas": schemas, "securitySchemes": { "user": user },
        }),
        streams: channels::streams(),
        groups: channels::groups(),
    }
}

fn file() -> PathBuf {
    root().join("docs/asyncapi.yaml")
}

/// Returns the published document.
fn published() -> Value {
    let text = fs::read_to_string(file()).unwrap();
    yaml_serde::from_str(&text).unwrap()
}

/// Returns the part of the document that a `$ref` refers to.
fn at<'d>(document: &'d Value, reference: &Value) -> &'d Value {
    let pointer = reference["$ref"].as_str().unwrap().trim_start_matches('#');
    document
        .pointer(pointer)
        .unwrap_or_else(|| panic!("no {pointer}"))
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a task asks for it, no setting")]
fn the_document_is_what_the_code_says() {
    let text = HEAD.to_owned() + &yaml_serde::to_string(&document()).unwrap();
    if std::env::var_os(RECORD).is_some() {
        return fs::write(file(), text).unwrap();
    }
    let recorded = fs::read_to_string(file()).unwrap_or_default();
    let lines = text.lines().map(Some).chain([None]);
    let mut lines = lines.zip(recorded.lines().map(Some).chain([None]));
    let different = lines.find(|(code, recorded)| code != recorded);
    assert!(
        different.is_none() && text == recorded,
        "docs/asyncapi.yaml is not what the code says; run `cargo xtask docs` and commit it. The \
         first difference, code and document: {different:?}"
    );
}

#[test]
fn every_example_is_read_by_the_code_that_reads_the_message() {
    let document = published();
    let origin = Origin {
        stream: Arc::new(StreamIdentity::new("TODO", OffsetDateTime::UNIX_EPOCH)),
        sequence: 1,
        stored_at: OffsetDateTime::UNIX_EPOCH,
    };
    let mut kinds = BTreeSet::new();
    for channel in document["channels"].as_object().unwrap().values() {
        let Some(subject) = channel["address"].as_str() else {
            continue;
        };
        for (name, message) in channel["messages"].as_object().unwrap() {
            for example in at(&document, message)["examples"]
                .as_array()
                .into_iter()
                .flatten()
            {
                let payload = example["payload"].to_string();
                if subject.starts_with("events.") {
                    let header = |name: &str| example["headers"][name].as_str();
                    let raw = Raw {
                        subject,
                        header: &header,
                        payload: payload.as_bytes(),
                    };
                    let read = TodoEvent::decode(&raw, origin.clone());
                    let read = read.unwrap_or_else(|error| panic!("{name}: {error}"));
                    let id = header("ce-id").unwrap_or(read.meta.id.as_str());
                    assert_eq!(read.meta.id.as_str(), id);
                    kinds.insert(name.clone());
                } else if subject.starts_with("replies.") {
                    serde_json::from_str::<SaveReply>(&payload).unwrap();
                }
            }
        }
    }
    assert_eq!(kinds.len(), 8, "each event has an example: {kinds:?}");
}

/// Returns the subjects that a service may publish to, or subscribe to.
fn allowed<'c>(users: &'c str, service: &str, what: &str) -> Vec<&'c str> {
    let user = between(users, &format!("user: {service},"), "\n    } }");
    let list = between(user, &format!("{what}: ["), "]");
    list.split([' ', ',', '\n'])
        .map(|word| word.trim_matches('"'))
        .filter(|word| !word.is_empty())
        .collect()
}

fn covers(pattern: &str, subject: &str) -> bool {
    let mut words = subject.split('.');
    for wanted in pattern.split('.') {
        match (wanted, words.next()) {
            (">", Some(_)) => return true,
            ("*", Some(_)) => {}
            (wanted, Some(word)) if wanted == word => {}
            _ => return false,
        }
    }
    words.next().is_none()
}

#[test]
fn whoever_is_said_to_do_something_may_do_it_at_the_broker() {
    let users = fs::read_to_string(root().join("message-queue/users.conf")).unwrap();
    let document = published();
    let mut checked = 0;
    for (name, operation) in document["operations"].as_object().unwrap() {
        let service = operation["tags"][0]["name"].as_str().unwrap();
        let sends = operation["action"] == "send";
        // The operator has every permission, and a group receives its events through its durable
        // consumer.
        if service == "todoctl" || !sends && operation["x-group"].is_string() {
            continue;
        }
        let address = at(&document, &operation["channel"])["address"]
            .as_str()
            .unwrap();
        let subject = address.replace("{group}", service);
        let what = if sends { "publish" } else { "subscribe" };
        let allowed = allowed(&users, service, what);
        let may = allowed.iter().any(|pattern| covers(pattern, &subject));
        assert!(may, "{name}: {subject} is none of {allowed:?}");
        checked += 1;
    }
    assert!(checked > 15, "{checked}");
}

/// Fails unless the broker's configuration has every documented value.
fn compare(what: &str, said: &Value, kept: &Value) {
    for (name, value) in said.as_object().unwrap() {
        assert_eq!(&kept[name], value, "{what}: {name}");
    }
}

#[tokio::test]
async fn the_broker_keeps_the_streams_and_groups_that_the_document_names() {
    let user = User::start(SystemOptions::default()).await;
    user.quiet(&["save-handler", "audit-handler"]).await;
    let monitor = user.system.monitor();
    let address = format!(
        "{}/jsz?consumers=true&config=true",
        monitor.trim_end_matches('/')
    );
    let report: Value = http::get(&address).await.unwrap().json().unwrap();
    let streams = report["account_details"][0]["stream_detail"]
        .as_array()
        .unwrap();
    let document = published();
    assert_eq!(
        streams.len(),
        document["x-streams"].as_object().unwrap().len()
    );
    let mut groups = BTreeSet::new();
    for stream in streams {
        let name = stream["name"].as_str().unwrap();
        let mut config = stream["config"].clone();
        // The description also has the time since which the stream counts, which is not the document's.
        let purpose = config["description"].as_str().unwrap();
        let (purpose, _) = purpose.split_once("; counted since ").unwrap();
        config["description"] = purpose.into();
        compare(name, &document["x-streams"][name], &config);
        for place in stream["consumer_detail"].as_array().into_iter().flatten() {
            // Consumers without a durable name belong to subscribers, and come and go with them.
            let Some(group) = place["config"]["durable_name"].as_str() else {
                continue;
            };
            let said = &document["x-groups"][group]["consumers"][name];
            compare(&format!("{group} at {name}"), said, &place["config"]);
            groups.insert(group.to_owned());
        }
    }
    let said: BTreeSet<_> = document["x-groups"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    assert_eq!(groups, said);

    // Every documented query is understood, whether there is a result or not.
    let asker = Bus::connect_observer(&user.system.nats(), "todoctl", "tester")
        .await
        .unwrap();
    for topic in todo_api::TOPICS {
        let channel = &document["channels"][format!("queries.{}", topic.name)];
        let message = channel["messages"]
            .as_object()
            .unwrap()
            .values()
            .next()
            .unwrap();
        let question = &at(&document, message)["examples"][0]["payload"];
        match asker.ask(topic.subject, question.to_string(), SOON).await {
            Ok(_) => {}
            Err(AskError::Refused(refusal)) if refusal.code == 404 => {}
            Err(error) => panic!("{question}: {error}"),
        }
    }
}
