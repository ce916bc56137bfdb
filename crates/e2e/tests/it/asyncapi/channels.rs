//! Channels, operations, streams and groups of the document.

use bus::{DEAD_LETTERS, REPLAYS, RedeliveryPolicy, RetryPolicy, Streams, TODO, group_settings};
use events::{
    Event, ItemCompleted, ItemDeleted, ItemMoved, ItemRenamed, ItemReopened, ItemRestored,
    ItemSaved, NewItem, header,
};
use serde_json::{Map, Value, json};

use super::messages::capital;

/// Every group, with its filter subject.
pub(super) const GROUPS: [(&str, &str); 2] = [
    ("save-handler", events::ALL_SUBJECTS),
    ("audit-handler", events::ALL_SUBJECTS),
];

/// The events that change an item: type and subject.
const CHANGES: [(&str, &str); 7] = [
    of::<NewItem>(),
    of::<ItemRenamed>(),
    of::<ItemCompleted>(),
    of::<ItemReopened>(),
    of::<ItemMoved>(),
    of::<ItemDeleted>(),
    RESTORED,
];

const RESTORED: (&str, &str) = of::<ItemRestored>();

const SAVED: (&str, &str) = of::<ItemSaved>();

const fn of<E: Event>() -> (&'static str, &'static str) {
    (E::TYPE, E::SUBJECT)
}

/// Returns the channels by name.
pub(super) fn channels() -> Map<String, Value> {
    let mut channels = Map::new();
    for (name, subject) in CHANGES.into_iter().chain([SAVED]) {
        let mut channel = channel(subject, &[name]);
        channel["x-stream"] = TODO.into();
        channels.insert(name.to_lowercase(), channel);
    }
    for topic in todo_api::TOPICS {
        let question = format!("{}Question", capital(topic.name));
        let mut channel = channel(topic.subject, &[&question]);
        channel["description"] = topic.about.into();
        channels.insert(format!("queries.{}", topic.name), channel);
    }
    let answers = todo_api::TOPICS.map(|topic| format!("{}Answer", capital(topic.name)));
    let mut said: Vec<&str> = answers.iter().map(String::as_str).collect();
    said.push("Refusal");
    let mut answers = channel(Value::Null, &said);
    answers["description"] =
        "the reply subject of the question, which the asker's client makes".into();
    channels.insert("answers".to_owned(), answers);

    let mut replies = channel("replies.{service}.{process}.{number}", &["SaveReply"]);
    replies["description"] = format!(
        "what the header `{}` of an event says; nothing stores it and nobody confirms it",
        header::REPLY_TO
    )
    .into();
    replies["parameters"] = json!({
        "service": { "description": "the service that waits" },
        "process": { "description": "which of its members" },
        "number": { "description": "which of the answers that it waits for" },
    });
    channels.insert("replies".to_owned(), replies);
    for (name, address, message, stream) in [
        ("deadLetters", "dead.{group}", "DeadLetter", DEAD_LETTERS),
        ("replays", "replay.{group}", "Replay", REPLAYS),
    ] {
        let mut channel = channel(address, &[message]);
        let groups = GROUPS.map(|(group, _)| group);
        channel["parameters"] = json!({ "group": { "enum": groups } });
        channel["x-stream"] = stream.into();
        channels.insert(name.to_owned(), channel);
    }
    channels
}

fn channel(address: impl Into<Value>, messages: &[&str]) -> Value {
    let messages = messages.iter().map(|name| {
        let message = json!({ "$ref": format!("#/components/messages/{name}") });
        ((*name).to_owned(), message)
    });
    json!({ "address": address.into(), "messages": messages.collect::<Map<_, _>>() })
}

/// Returns the operations of each service, by names such as `todo-api.send.newitem`.
pub(super) fn operations() -> Map<String, Value> {
    let mut all = Operations::default();
    let answered = json!({
        "channel": { "$ref": "#/channels/replies" },
        "messages": [{ "$ref": "#/channels/replies/messages/SaveReply" }],
    });
    for change in CHANGES {
        all.event("todo-web", "send", change);
        // Restoring is for a user who has just deleted the item on the page.
        if change != RESTORED {
            all.event("todo-api", "send", change)["reply"] = answered.clone();
        }
        all.event("save-handler", "receive", change)["reply"] = answered.clone();
        all.event("audit-handler", "receive", change);
    }
    all.event("todoctl", "send", CHANGES[0])["reply"] = answered;
    all.event("save-handler", "send", SAVED);
    all.event("audit-handler", "receive", SAVED);
    all.event("todo-web", "receive", SAVED);
    all.event("todo-api", "receive", SAVED);
    for topic in todo_api::TOPICS {
        let name = capital(topic.name);
        let channel = format!("queries.{}", topic.name);
        let reply = json!({
            "channel": { "$ref": "#/channels/answers" },
            "messages": [
                { "$ref": format!("#/channels/answers/messages/{name}Answer") },
                { "$ref": "#/channels/answers/messages/Refusal" },
            ],
        });
        let question = format!("{name}Question");
        all.add("todoctl", "send", &channel, &question)["reply"] = reply.clone();
        let answering = all.add("todo-api", "receive", &channel, &question);
        answering["reply"] = reply;
        // Its members share the requests: they form a queue group.
        answering["bindings"] = json!({ "nats": { "queue": "todo-api" } });
    }
    for (group, _) in GROUPS {
        all.add(group, "send", "deadLetters", "DeadLetter");
        all.add(group, "receive", "replays", "Replay");
    }
    all.add("todoctl", "receive", "deadLetters", "DeadLetter");
    all.add("todoctl", "send", "replays", "Replay");
    all.0
}

#[derive(Default)]
struct Operations(Map<String, Value>);

impl Operations {
    fn event(&mut self, service: &str, action: &str, (name, _): (&str, &str)) -> &mut Value {
        self.add(service, action, &name.to_lowercase(), name)
    }

    fn add(&mut self, service: &str, action: &str, channel: &str, message: &str) -> &mut Value {
        let mut operation = json!({
            "action": action,
            "channel": { "$ref": format!("#/channels/{channel}") },
            "messages": [{ "$ref": format!("#/channels/{channel}/messages/{message}") }],
            "tags": [{ "name": service }],
        });
        if action == "receive" && GROUPS.iter().any(|(group, _)| *group == service) {
            operation["x-group"] = service.into();
        }
        let name = format!("{service}.{action}.{channel}");
        self.0.entry(name).or_insert(operation)
    }
}

/// Returns the configuration of each stream, in the form of the broker's API: durations are in
/// nanoseconds.
pub(super) fn streams() -> Map<String, Value> {
    let streams = Streams::default().settings().into_iter();
    let named = streams.map(|stream| (stream["name"].as_str().unwrap().to_owned(), stream));
    named
        .map(|(name, stream)| (name, trimmed(stream)))
        .collect()
}

/// Returns the configuration of each group's durable consumers, by stream, and the group's own retry
/// settings.
pub(super) fn groups() -> Map<String, Value> {
    let groups = GROUPS.into_iter().map(|(name, filter)| {
        let places = group_settings(name, filter).into_iter();
        let places = places.map(|(stream, place)| (stream.to_owned(), trimmed(place)));
        let (retries, patience) = (RetryPolicy::default(), RedeliveryPolicy::default());
        let group = json!({
            "consumers": places.collect::<Map<_, _>>(),
            "attempts": retries.max_attempts,
            "first_pause_seconds": retries.initial_backoff.as_secs_f64(),
            "longest_pause_seconds": retries.max_backoff.as_secs_f64(),
            "deliveries": patience.max_deliveries,
        });
        (name.to_owned(), group)
    });
    groups.collect()
}

/// Removes the settings that are left to the broker's defaults.
fn trimmed(settings: Value) -> Value {
    let Value::Object(settings) = settings else {
        panic!("settings that are no object")
    };
    let set = settings.into_iter().filter(|(_, value)| !value.is_null());
    Value::Object(set.collect())
}
