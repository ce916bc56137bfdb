//! Removal of rows past their retention.

use events::EventId;
use store::{Absence, AuditLog, Owner};
use time::{Duration, OffsetDateTime, macros::datetime};

use crate::{
    audit::{entry, stream},
    fixture::{Fixture, added, at, completed, deleted, id, renamed, restored},
};

const NOW: OffsetDateTime = datetime!(2027-01-01 00:00 UTC);

async fn owner(fixture: &Fixture) -> Owner {
    Owner::log_in(&fixture.database.url()).await.unwrap()
}

#[tokio::test]
async fn of_the_audit_goes_what_was_stored_before_the_time_part_by_part() {
    let fixture = Fixture::new().await;
    let stream = stream();
    let audit = AuditLog::new(fixture.handle.clone());
    let event_id = EventId::from(id("milk"));
    let stored_at = [NOW - Duration::DAY, NOW, NOW - Duration::MINUTE];
    let entries: Vec<_> = (1..)
        .zip(stored_at)
        .map(|(sequence, stored_at)| {
            let mut entry = entry(&stream, sequence, &event_id, b"{}");
            entry.stored_at = stored_at;
            entry
        })
        .collect();
    audit.append(&entries).await.unwrap();
    let mut owner = owner(&fixture).await;
    let mut removed = Vec::new();
    for _ in 0..3 {
        removed.push(owner.forget_audit(NOW, 1).await.unwrap());
    }
    assert_eq!(removed, [1, 1, 0]);
    let left = "select sequence from audit.events";
    assert_eq!(fixture.database.execute(left).await.unwrap(), "2");
}

#[tokio::test]
async fn what_late_changes_leave_of_an_item_goes_when_none_of_them_is_stored_any_more() {
    let fixture = Fixture::new().await;
    fixture
        .apply(&[
            (3, renamed("late", "too late")),
            (4, completed("late")),
            (5, restored("back")),
            // None of these is a leftover.
            (1, added("milk", "milk", 1.0)),
            (2, deleted("gone")),
        ])
        .await;
    assert_eq!(
        fixture.items.absence(id("late")).await.unwrap(),
        Absence::Announced
    );
    let mut owner = owner(&fixture).await;
    assert_eq!(owner.forget_leftovers(at(4)).await.unwrap(), 0);
    assert_eq!(owner.forget_leftovers(at(5)).await.unwrap(), 1);
    assert_eq!(owner.forget_leftovers(at(6)).await.unwrap(), 1);
    // Before, a read was told for ever that the item would appear in a moment.
    assert_eq!(
        fixture.items.absence(id("late")).await.unwrap(),
        Absence::Unknown
    );
    assert_eq!(
        fixture.items.absence(id("gone")).await.unwrap(),
        Absence::Deleted
    );
    assert!(fixture.items.get(id("milk")).await.unwrap().is_some());
}

#[tokio::test]
async fn a_deleted_item_goes_when_it_is_old_enough_and_no_stored_event_could_bring_it_back() {
    let fixture = Fixture::new().await;
    fixture
        .apply(&[
            (1, added("milk", "milk", 1.0)),
            (2, deleted("milk")),
            (3, added("eggs", "eggs", 2.0)),
            (4, deleted("eggs")),
            (5, completed("eggs")),
            (6, added("stays", "stays", 3.0)),
        ])
        .await;
    let mut owner = owner(&fixture).await;
    let week = NOW - Duration::WEEK;
    // As long as nothing tells how old a row is, it is young.
    assert_eq!(owner.forget_tombstones(at(99), NOW).await.unwrap(), 0);
    owner.note_position(at(4), week).await.unwrap();
    // Once a day is enough.
    owner
        .note_position(at(5), week + Duration::HOUR)
        .await
        .unwrap();
    owner
        .note_position(at(5), NOW - Duration::DAY)
        .await
        .unwrap();
    assert_eq!(owner.forget_tombstones(at(99), week).await.unwrap(), 0);
    // A dead letter or the stream still has its second event.
    assert_eq!(owner.forget_tombstones(at(2), NOW).await.unwrap(), 0);
    let after_the_week = week + Duration::HOUR * 2;
    assert_eq!(
        owner
            .forget_tombstones(at(99), after_the_week)
            .await
            .unwrap(),
        1
    );
    assert_eq!(
        fixture.items.absence(id("milk")).await.unwrap(),
        Absence::Unknown
    );
    assert_eq!(
        fixture.items.absence(id("eggs")).await.unwrap(),
        Absence::Deleted
    );
    assert_eq!(owner.forget_tombstones(at(99), NOW).await.unwrap(), 1);
    assert!(fixture.items.get(id("stays")).await.unwrap().is_some());
}
