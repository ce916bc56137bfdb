//! Tests with clocks that are wrong, by any amount.

use events::{Envelope, EventId, ItemDeleted, ItemEvent, ItemId, TodoEvent, header};
use proptest::prelude::*;
use serde_json::json;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::{ContextV7, Timestamp, Uuid};

use crate::reading::{origin, read_with};

/// Any moment that can be written on the wire.
fn moment() -> impl Strategy<Value = OffsetDateTime> {
    // The years 1 to 9999.
    (-62_135_596_800_i64..253_402_300_800)
        .prop_map(|seconds| OffsetDateTime::from_unix_timestamp(seconds).unwrap())
}

proptest! {
    #[test]
    fn an_item_has_the_place_of_its_acceptance_whatever_the_clock_of_its_publisher_says(
        added in moment(), happened in moment(),
    ) {
        let written = |time: OffsetDateTime| time.format(&Rfc3339).unwrap();
        let body = json!({"item": "a", "addedAt": written(added)}).to_string();
        let happened = written(happened);
        let read = read_with("events.todo.newitem", &[(header::TIME, &happened)], body.as_bytes());
        let TodoEvent::Item(ItemEvent::Added(item)) = read.unwrap().event else {
            panic!("no item was added")
        };
        prop_assert_eq!(item.order, origin(7).order());
        prop_assert_eq!(item.added_at, added);
    }

    #[test]
    fn a_key_is_well_formed_whatever_the_clock_says(
        milliseconds in 0_u64..1 << 48, at in moment(),
    ) {
        let (seconds, rest) = (milliseconds / 1_000, milliseconds % 1_000);
        let nanoseconds = u32::try_from(rest * 1_000_000).unwrap();
        let key = Uuid::new_v7(Timestamp::from_unix(ContextV7::new(), seconds, nanoseconds));
        let id: ItemId = key.to_string().parse().unwrap();
        prop_assert_eq!(id.uuid(), key);
        prop_assert!(EventId::parse(&key.to_string()).is_some());
        let sealed = Envelope::seal(&ItemDeleted { id }, key.into(), "test", at);
        let headers: Vec<_> = sealed.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let read = read_with(sealed.subject, &headers, &sealed.body).unwrap();
        prop_assert_eq!(read.meta.occurred_at, at);
    }
}
