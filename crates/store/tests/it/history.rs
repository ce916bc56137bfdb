//! History of an item.

use events::{EventId, ItemId};
use store::{AuditEntry, AuditLog, ItemHistory};

use crate::{
    audit::{entry_at, stream},
    fixture::{ADDED_AT, Fixture, id},
};

/// Appends events about items to the audit log, each with its subject.
async fn has_happened(store: &Fixture, events: &[(&str, Option<ItemId>)]) {
    let (stream, event_id) = (stream(), EventId::from(id("milk")));
    let entries = (1..)
        .zip(events)
        .map(|(sequence, (subject, item))| AuditEntry {
            subject,
            item: *item,
            ..entry_at(&stream, sequence, &event_id)
        });
    let entries: Vec<_> = entries.collect();
    let written = AuditLog::new(store.handle.clone()).append(&entries).await;
    assert_eq!(written.unwrap(), events.len() as u64);
}

#[tokio::test]
async fn the_history_of_an_item_is_what_the_audit_has_about_it_and_the_newest_first() {
    let store = Fixture::new().await;
    let history = ItemHistory::new(store.handle.clone());
    let milk = Some(id("milk"));
    has_happened(
        &store,
        &[
            ("events.todo.newitem", milk),
            ("events.todo.newitem", Some(id("bread"))),
            ("events.todo.unreadable", None),
            ("events.todo.itemcompleted", milk),
            ("events.todo.itemsaved", milk),
        ],
    )
    .await;
    let found = history.of(id("milk"), 10).await.unwrap();
    let subjects: Vec<_> = found.events.iter().map(|event| &*event.subject).collect();
    let expected = [
        "events.todo.itemsaved",
        "events.todo.itemcompleted",
        "events.todo.newitem",
    ];
    assert_eq!(subjects, expected);
    assert_eq!(found.events[0].occurred_at, ADDED_AT);
    let newest = history.of(id("milk"), 2).await.unwrap();
    assert_eq!(newest.events, found.events[..2]);
}

#[tokio::test]
async fn whether_anything_was_ever_written_down_is_told_apart_from_nothing_about_an_item() {
    let store = Fixture::new().await;
    let history = ItemHistory::new(store.handle.clone());
    let none = history.of(id("milk"), 10).await.unwrap();
    assert!(none.events.is_empty() && !none.is_kept);
    has_happened(&store, &[("events.todo.newitem", Some(id("bread")))]).await;
    let none = history.of(id("milk"), 10).await.unwrap();
    assert!(none.events.is_empty() && none.is_kept);
}

#[tokio::test]
async fn what_an_earlier_version_wrote_down_gets_its_item_from_the_body() {
    let store = Fixture::new().await;
    let migration = include_str!("../../../../migrations/20261128020000_audit_items.sql");
    let (_, update) = migration.split_once("update audit.events").unwrap();
    let (update, _) = update.split_once(';').unwrap();
    let milk = id("milk");
    let write = format!(
        "insert into audit.events
             (stream, stream_created, sequence, subject, event_id, occurred_at, stored_at, payload)
         select 'TODO', now(), n, 'events.todo.itemrenamed', 'e', now(), now(), payload
         from unnest(array[
             '{{\"id\":\"{milk}\",\"item\":\"milk\"}}'::bytea,
             '{{\"item\":\"\\\\\"id\\\\\":\\\\\"{milk}\"}}', 'no json', '\\x00ff', '', '{{\"id\":\"{milk}'
         ]) with ordinality as body (payload, n)"
    );
    store.database.execute(&write).await.unwrap();
    let update = format!("update audit.events{update}");
    store.database.execute(&update).await.unwrap();
    let found = "select string_agg(sequence || ' ' || item_id, ',') from audit.events
        where item_id is not null";
    let found = store.database.execute(found).await.unwrap();
    assert_eq!(found, format!("1 {milk}"));
}
