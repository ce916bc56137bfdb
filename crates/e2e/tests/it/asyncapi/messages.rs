//! Messages of the document, with their schemas, and examples made by the code that the services use.

use bus::LETTER_HEADERS;
use events::{
    Envelope, Event, EventId, ItemCompleted, ItemDeleted, ItemId, ItemMoved, ItemRenamed,
    ItemReopened, ItemRestored, ItemSaved, NewItem, ReplyTo, SaveReply, header,
};
use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Map, Value, json};
use time::{OffsetDateTime, macros::datetime};
use uuid::{Uuid, uuid};

const ID: Uuid = uuid!("01a1f961-0f41-7277-9d2b-20d8f82dad2d");
const CHANGE: Uuid = uuid!("01a1f962-58aa-7c10-8f3e-77b1c5e0a914");
const AT: OffsetDateTime = datetime!(2026-11-20 14:49:33.25 UTC);

/// The part of the document that others refer to.
#[derive(Default)]
pub(super) struct Components {
    pub(super) messages: Map<String, Value>,
    pub(super) schemas: Map<String, Value>,
}

/// Returns all messages and schemas.
pub(super) fn components() -> Components {
    let mut all = Components::default();
    all.schemas
        .insert("EventHeaders".to_owned(), event_headers());
    let id = ItemId::from(ID);
    let bare = json!({ "name": "fromAnyClient", "payload": { "item": "buy milk" } });
    let new_item = NewItem {
        id: Some(id),
        list: Some("shopping".parse().unwrap()),
        item: "buy milk".parse().unwrap(),
        added_at: Some(AT),
    };
    all.event("somebody added an item", &new_item, id.into(), vec![bare]);
    let item = "buy oat milk".parse().unwrap();
    all.change("its text changed", &ItemRenamed { id, item });
    all.change("it is done", &ItemCompleted { id });
    all.change("it is not done after all", &ItemReopened { id });
    let order = 1_763_640_000.25.try_into().unwrap();
    all.change("it has another place in its list", &ItemMoved { id, order });
    all.change("it is gone", &ItemDeleted { id });
    all.change("it is not gone after all", &ItemRestored { id });
    let id = EventId::of_version(id, 1);
    all.event(
        "an item was saved, with its whole state",
        &saved(),
        id,
        Vec::new(),
    );
    all.answers();
    all.questions();
    all.letters();
    all
}

fn saved() -> ItemSaved {
    ItemSaved {
        id: ID.into(),
        list: "shopping".parse().unwrap(),
        item: "buy milk".parse().unwrap(),
        completed: false,
        order: 1_763_650_173.25.try_into().unwrap(),
        deleted: false,
        added_at: AT,
        version: 1,
        cause: ID.into(),
    }
}

impl Components {
    fn schema<T: JsonSchema>(&mut self, name: &str) -> Value {
        let settings = SchemaSettings::draft07().with(|settings| {
            settings.inline_subschemas = true;
            settings.meta_schema = None;
        });
        let schema = settings.into_generator().into_root_schema_for::<T>();
        self.schemas.insert(name.to_owned(), schema.to_value());
        json!({ "$ref": format!("#/components/schemas/{name}") })
    }

    fn change<E: Event>(&mut self, summary: &str, event: &E) {
        self.event(summary, event, CHANGE.into(), Vec::new());
    }

    fn event<E: Event>(&mut self, summary: &str, event: &E, id: EventId, more: Vec<Value>) {
        let sealed = Envelope::seal(event, id, "todo-api", AT)
            .with(header::CORRELATION_ID, Some("request-1".to_owned()));
        let headers: Map<_, _> = sealed
            .headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.as_str().into()))
            .collect();
        let payload: Value = serde_json::from_slice(&sealed.body).unwrap();
        let mut examples =
            vec![json!({ "name": "fromAService", "headers": headers, "payload": payload })];
        examples.extend(more);
        let message = json!({
            "name": E::TYPE,
            "summary": summary,
            "contentType": "application/json",
            "headers": { "$ref": "#/components/schemas/EventHeaders" },
            "correlationId": { "location": format!("$message.header#/{}", header::CORRELATION_ID) },
            "payload": self.schema::<E>(E::TYPE),
            "examples": examples,
        });
        self.messages.insert(E::TYPE.to_owned(), message);
    }

    /// Adds the replies to events.
    fn answers(&mut self) {
        let to = ReplyTo::parse("replies.todo-api.process.1").unwrap();
        let reply = SaveReply {
            saved: Some(saved()),
        };
        let example = reply.seal(to, Some("request-1".to_owned()));
        let headers: Map<_, _> = example
            .headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.as_str().into()))
            .collect();
        let message = json!({
            "name": "SaveReply",
            "summary": "how the item of an event is after its save",
            "contentType": "application/json",
            "headers": text_headers(&[header::CONTENT_TYPE, header::CORRELATION_ID]),
            "payload": self.schema::<SaveReply>("SaveReply"),
            "examples": [
                { "name": "saved", "headers": headers, "payload": json!(reply) },
                { "name": "nobodyAddedIt", "payload": json!(SaveReply { saved: None }) },
            ],
        });
        self.messages.insert("SaveReply".to_owned(), message);
    }

    /// Adds the queries and their replies.
    fn questions(&mut self) {
        let item = json!({
            "id": ID, "list": "default", "item": "buy milk", "completed": false,
            "order": 1_763_650_173.25, "addedAt": "2026-11-20T14:49:33.25Z", "version": 1,
        });
        for topic in todo_api::TOPICS {
            let (question, answer) = match topic.name {
                "list" => (
                    json!({ "limit": 100 }),
                    json!({ "items": [item], "next": null }),
                ),
                "get" => (json!({ "id": ID }), item.clone()),
                "count" => (
                    json!({ "list": "default" }),
                    json!({ "list": "default", "total": 3, "completed": 1 }),
                ),
                other => panic!("the topic {other} has no example"),
            };
            for (kind, schema, example) in [
                ("Question", topic.request_schema, question),
                ("Answer", topic.response_schema, answer),
            ] {
                let name = format!("{}{kind}", capital(topic.name));
                let schema = serde_json::from_str(schema).unwrap();
                self.schemas.insert(name.clone(), schema);
                let message = json!({
                    "name": name,
                    "summary": topic.about,
                    "contentType": "application/json",
                    "payload": { "$ref": format!("#/components/schemas/{name}") },
                    "examples": [{ "name": topic.name, "payload": example }],
                });
                self.messages.insert(name, message);
            }
        }
        let refusal = json!({
            "name": "Refusal",
            "summary": "a question that is not answered; the body is empty",
            "headers": text_headers(&["Nats-Service-Error", "Nats-Service-Error-Code"]),
            "payload": { "type": "string", "maxLength": 0 },
        });
        self.messages.insert("Refusal".to_owned(), refusal);
    }

    /// Adds dead letters and their replays.
    fn letters(&mut self) {
        for (name, summary) in [
            (
                "DeadLetter",
                "an event that a group gave up on: its headers and its body as they came, and these headers beside them",
            ),
            (
                "Replay",
                "a dead letter that its group shall handle after all",
            ),
        ] {
            let message = json!({
                "name": name,
                "summary": summary,
                "headers": text_headers(&LETTER_HEADERS),
                "payload": { "description": "the event's body, whatever it is" },
            });
            self.messages.insert(name.to_owned(), message);
        }
    }
}

fn text_headers(names: &[&str]) -> Value {
    let properties = names
        .iter()
        .map(|name| ((*name).to_owned(), json!({ "type": "string" })));
    json!({ "type": "object", "properties": properties.collect::<Map<_, _>>() })
}

/// Returns the headers of events. A publisher may leave out any of them.
fn event_headers() -> Value {
    let id = json!({
        "type": "string", "maxLength": EventId::MAX_BYTES,
        "description": "the event's id: the broker stores a second message with it only once",
    });
    let text = |about: &str| json!({ "type": "string", "description": about });
    json!({
        "type": "object",
        "description": "Attributes of CloudEvents 1.0 in binary mode, and what else services send. \
            A publisher may leave out any of them: an id and a time then follow from where the \
            broker stores the event.",
        "properties": {
            header::MESSAGE_ID: id,
            header::ID: id,
            header::SPEC_VERSION: { "type": "string", "const": "1.0" },
            header::SOURCE: text("which service published it, as in `/todo-api`"),
            header::TYPE: text("the event's type, as in `NewItem`"),
            header::TIME: { "type": "string", "format": "date-time" },
            header::CONTENT_TYPE: text("`application/json`; or `application/cloudevents+json` for structured mode"),
            header::CORRELATION_ID: text("what ties the events of one request together"),
            header::REPLY_TO: {
                "type": "string", "maxLength": ReplyTo::MAX_BYTES, "pattern": r"^replies(\.[A-Za-z0-9_-]+)+$",
                "description": "where somebody waits for the answer",
            },
            header::TRACE_PARENT: text("the trace that the event belongs to (W3C Trace Context)"),
            header::TRACE_STATE: text("what the tracing systems on the way add to it"),
        },
    })
}

pub(super) fn capital(word: &str) -> String {
    let (first, rest) = word.split_at(1);
    first.to_uppercase() + rest
}
