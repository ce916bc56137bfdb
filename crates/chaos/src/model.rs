//! The expected content of the table: applies the events of the stream one by one, in their order.
//!
//! It is simple on purpose and shares no code with what it judges, except for the derivation of the id
//! of an item whose publisher gave none.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use crate::plain::Stored;

/// An item's state.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Item {
    /// Set by the item's `newitem`. Until then the item is hidden.
    #[serde(default)]
    pub(crate) added: bool,
    pub(crate) list: Option<String>,
    #[serde(rename = "item")]
    pub(crate) text: Option<String>,
    pub(crate) order: Option<f64>,
    pub(crate) completed: bool,
    pub(crate) deleted: bool,
    /// In microseconds since 1970.
    pub(crate) added_at: Option<i64>,
}

/// A state, as savers announce it in `itemsaved`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct State {
    pub(crate) id: Uuid,
    pub(crate) version: i64,
    pub(crate) list: String,
    pub(crate) item: String,
    pub(crate) order: f64,
    pub(crate) completed: bool,
    pub(crate) deleted: bool,
}

/// The result of applying a stream.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) items: BTreeMap<Uuid, Item>,
    /// The sequences of messages that are no events.
    pub(crate) poison: BTreeSet<u64>,
    /// The item of each sequence, `itemsaved` left out.
    pub(crate) touched: BTreeMap<u64, Uuid>,
}

/// Applies the events. `derived` returns the id of an item from the sequence of an event without one.
pub(crate) fn play(events: &[Stored], derived: impl Fn(u64) -> Uuid) -> Model {
    let mut model = Model::default();
    for event in events {
        if event.subject == SAVED {
            continue;
        }
        match model.apply(event, &derived) {
            Some(id) => {
                model.touched.insert(event.sequence, id);
            }
            None => {
                model.poison.insert(event.sequence);
            }
        }
    }
    model
}

/// The subject that savers publish saved states to.
pub(crate) const SAVED: &str = "events.todo.itemsaved";

impl Model {
    /// Applies an event and returns the id of its item; `None` if it is no event.
    fn apply(&mut self, event: &Stored, derived: impl Fn(u64) -> Uuid) -> Option<Uuid> {
        let body: Value = serde_json::from_slice(&event.body).ok()?;
        let given = body["id"].as_str().map(str::parse).transpose().ok()?;
        if event.subject == "events.todo.newitem" {
            let (id, text) = (
                given.unwrap_or_else(|| derived(event.sequence)),
                text(&body)?,
            );
            let item = self.items.entry(id).or_default();
            // A second `newitem` is a repetition of the same request.
            if !item.added {
                item.added = true;
                item.list = Some(body["list"].as_str().unwrap_or("default").to_owned());
                item.added_at = Some(microseconds(added_at(&body).unwrap_or(event.at)));
                item.text.get_or_insert(text);
                item.order.get_or_insert(seconds(event.at));
            }
            return Some(id);
        }
        let id = given?;
        let change: fn(&mut Item, &Value) -> Option<()> = match event.subject.as_str() {
            "events.todo.itemrenamed" => |item, body| {
                item.text = Some(text(body)?);
                Some(())
            },
            "events.todo.itemmoved" => |item, body| {
                item.order = Some(body["order"].as_f64()?);
                Some(())
            },
            "events.todo.itemcompleted" => |item, _| {
                item.completed = true;
                Some(())
            },
            "events.todo.itemreopened" => |item, _| {
                item.completed = false;
                Some(())
            },
            "events.todo.itemdeleted" => |item, _| {
                item.deleted = true;
                Some(())
            },
            "events.todo.itemrestored" => |item, _| {
                item.deleted = false;
                Some(())
            },
            _ => return None,
        };
        let mut item = self.items.get(&id).cloned().unwrap_or_default();
        change(&mut item, &body)?;
        self.items.insert(id, item);
        Some(id)
    }
}

fn text(body: &Value) -> Option<String> {
    let text = body["item"].as_str()?.trim();
    let good = (1..=256).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    good.then(|| text.to_owned())
}

fn added_at(body: &Value) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(body["addedAt"].as_str()?, &Rfc3339).ok()
}

/// Returns microseconds since 1970, the resolution of the database.
pub(crate) fn microseconds(time: OffsetDateTime) -> i64 {
    i64::try_from(time.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a place in a list is a number of seconds, good to a quarter of a microsecond"
)]
fn seconds(time: OffsetDateTime) -> f64 {
    time.unix_timestamp_nanos() as f64 / 1e9
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn stored(sequence: u64, name: &str, body: &str) -> Stored {
        Stored {
            sequence,
            at: OffsetDateTime::UNIX_EPOCH,
            subject: format!("events.todo.{name}"),
            headers: async_nats::HeaderMap::new(),
            body: body.to_owned().into(),
        }
    }

    fn derived(sequence: u64) -> Uuid {
        Uuid::from_u128(sequence.into())
    }

    const ID: &str = r#""id":"00000000-0000-0000-0000-000000000007""#;

    #[test]
    fn of_two_events_that_add_an_item_the_first_counts_and_of_changes_the_last() {
        let model = play(
            &[
                stored(1, "newitem", &format!(r#"{{{ID},"item":"first"}}"#)),
                stored(2, "newitem", &format!(r#"{{{ID},"item":"second"}}"#)),
                stored(3, "itemmoved", &format!(r#"{{{ID},"order":1}}"#)),
                stored(4, "itemmoved", &format!(r#"{{{ID},"order":2}}"#)),
            ],
            derived,
        );
        let item = &model.items[&Uuid::from_u128(7)];
        assert_eq!(
            (item.text.as_deref(), item.order),
            (Some("first"), Some(2.0))
        );
        assert!(model.poison.is_empty());
    }

    #[test]
    fn an_item_without_an_identity_has_one_of_its_place_in_the_stream() {
        let model = play(&[stored(9, "newitem", r#"{"item":" milk "}"#)], derived);
        assert_eq!(
            model.items[&Uuid::from_u128(9)].text.as_deref(),
            Some("milk")
        );
    }

    #[test]
    fn what_cannot_be_read_is_poison_and_changes_nothing() {
        let poison = [
            stored(1, "newitem", "no json"),
            stored(2, "newitem", r#"{"item":7}"#),
            stored(3, "newitem", r#"{"item":"a\u0000b"}"#),
            stored(4, "itemmoved", &format!(r#"{{{ID},"order":"far"}}"#)),
            stored(5, "itemrenamed", r#"{"id":"7","item":"a"}"#),
            stored(6, "whatever", &format!(r#"{{{ID},"item":"a"}}"#)),
        ];
        let model = play(&poison, derived);
        assert_eq!(model.poison.len(), poison.len());
        assert!(model.items.is_empty());
    }
}
