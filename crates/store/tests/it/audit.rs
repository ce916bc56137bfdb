//! The audit log.

use std::sync::Arc;

use events::{EventId, StreamIdentity};
use store::{AuditEntry, AuditLog, Database};
use time::{OffsetDateTime, macros::datetime};
use tokio::sync::Barrier;

use crate::fixture::{ADDED_AT, Fixture, id};

const CREATED: OffsetDateTime = datetime!(2026-11-20 00:00:00.000000123 UTC);

pub(crate) fn entry<'a>(
    stream: &'a StreamIdentity,
    sequence: u64,
    event_id: &'a EventId,
    payload: &'a [u8],
) -> AuditEntry<'a> {
    AuditEntry {
        stream,
        sequence,
        subject: "events.todo.newitem",
        event_id,
        item: None,
        occurred_at: ADDED_AT,
        stored_at: ADDED_AT,
        payload,
    }
}

pub(crate) fn stream() -> StreamIdentity {
    StreamIdentity::new("TODO", CREATED)
}

pub(crate) fn entry_at<'a>(
    stream: &'a StreamIdentity,
    sequence: u64,
    event_id: &'a EventId,
) -> AuditEntry<'a> {
    entry(stream, sequence, event_id, b"{}")
}

#[tokio::test]
async fn an_event_is_written_down_once() {
    let store = Fixture::new().await;
    let log = AuditLog::new(store.handle.clone());
    let stream = StreamIdentity::new("TODO", CREATED);
    let event_id = EventId::from(id("milk"));
    let entries: Vec<_> = (1..=3)
        .map(|n| entry(&stream, n, &event_id, b"{}"))
        .collect();

    assert_eq!(log.append(&entries[..2]).await.unwrap(), 2);
    assert_eq!(log.append(&entries).await.unwrap(), 1);
    assert_eq!(log.append(&entries).await.unwrap(), 0);
    let twice_in_one = [
        entry(&stream, 4, &event_id, b""),
        entry(&stream, 4, &event_id, b""),
    ];
    assert_eq!(log.append(&twice_in_one).await.unwrap(), 1);
    assert_eq!(log.append(&[]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_stream_made_anew_starts_a_log_of_its_own() {
    let store = Fixture::new().await;
    let log = AuditLog::new(store.handle.clone());
    let event_id = EventId::from(id("milk"));
    for created in [CREATED, datetime!(2026-11-21 00:00 UTC)] {
        let stream = StreamIdentity::new("TODO", created);
        assert_eq!(
            log.append(&[entry(&stream, 1, &event_id, b"{}")])
                .await
                .unwrap(),
            1
        );
    }
}

#[tokio::test]
async fn any_bytes_are_kept_as_they_are_and_the_items_left_alone() {
    let store = Fixture::new().await;
    let log = AuditLog::new(store.handle.clone());
    let stream = StreamIdentity::new("TODO", CREATED);
    let event_id = EventId::parse("any-publisher's-id").unwrap();
    let every_byte: Vec<u8> = (0..=255).collect();
    let large = vec![0xff; 1 << 20];
    let payloads = [&b""[..], b"\0", b"not json \xff\xfe", &every_byte, &large];

    let entries: Vec<_> = (1..)
        .zip(payloads)
        .map(|(n, payload)| entry(&stream, n, &event_id, payload))
        .collect();
    assert_eq!(log.append(&entries).await.unwrap(), 5);

    let stored = "select string_agg(md5(payload), ' ' order by sequence) from audit.events";
    let sent = payloads.map(|payload| {
        format!(
            "md5(decode('{}', 'hex'))",
            payload
                .iter()
                .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
        )
    });
    // All but the large one, which would be too long for a command line.
    let sent = format!("select concat_ws(' ', {})", sent[..4].join(", "));
    let stored = store.database.execute(stored).await.unwrap();
    assert!(stored.starts_with(&store.database.execute(&sent).await.unwrap()));
    let items = store
        .database
        .execute("select count(*) from items")
        .await
        .unwrap();
    assert_eq!(items, "0");
}

#[tokio::test]
async fn an_odd_time_of_a_publisher_keeps_no_event_out() {
    let store = Fixture::new().await;
    let log = AuditLog::new(store.handle.clone());
    let stream = StreamIdentity::new("TODO", CREATED);
    let event_id = EventId::from(id("milk"));
    let mut odd = entry(&stream, 1, &event_id, b"{}");
    odd.occurred_at = datetime!(9999-12-31 23:00 -10:00);
    assert_eq!(log.append(&[odd]).await.unwrap(), 1);
}

#[tokio::test]
async fn members_that_write_down_the_same_events_do_not_block_each_other() {
    const MEMBERS: usize = 4;
    const BATCH: u64 = 1_000;
    let store = Fixture::new().await;
    let together = Arc::new(Barrier::new(MEMBERS));
    let members = (0..MEMBERS).map(|member| {
        let database = Database::connect(&store.database.url(), "member", 1).unwrap();
        let together = Arc::clone(&together);
        tokio::spawn(async move {
            let log = AuditLog::new(database);
            let stream = StreamIdentity::new("TODO", CREATED);
            let event_id = EventId::from(id("milk"));
            let mut written = 0;
            for batch in 0..5 {
                let first = batch * BATCH + 1;
                let mut entries: Vec<_> = (first..first + BATCH)
                    .map(|n| entry(&stream, n, &event_id, b"{}"))
                    .collect();
                // As they would come if the broker had sent them to each in another order.
                if member % 2 == 0 {
                    entries.reverse();
                }
                together.wait().await;
                written += log.append(&entries).await.unwrap();
            }
            written
        })
    });
    let mut written = 0;
    for member in members.collect::<Vec<_>>() {
        written += member.await.unwrap();
    }
    assert_eq!(written, 5 * BATCH);
}
