//! Erasing the texts of an item for good.

use events::EventId;
use store::{Absence, AuditLog, ItemErasure, Owner};

use crate::{
    audit::{entry, stream},
    fixture::{Fixture, added, at, deleted, id, renamed, restored},
};

async fn fixture() -> (Fixture, Owner) {
    let fixture = Fixture::new().await;
    let owner = Owner::log_in(&fixture.database.url()).await.unwrap();
    (fixture, owner)
}

#[tokio::test]
async fn an_item_that_can_be_seen_keeps_its_text_and_one_that_is_unknown_is_told() {
    let (fixture, mut owner) = fixture().await;
    fixture.apply(&[(1, added("milk", "milk", 1.0))]).await;
    for erasure in [
        owner.erasable(id("milk")).await.unwrap(),
        owner.erase_item(id("milk"), at(9)).await.unwrap(),
    ] {
        assert_eq!(erasure, ItemErasure::Visible);
    }
    let item = fixture.items.get(id("milk")).await.unwrap().unwrap();
    assert_eq!(item.item.as_str(), "milk");
    assert_eq!(
        owner.erase_item(id("eggs"), at(9)).await.unwrap(),
        ItemErasure::Unknown
    );
}

#[tokio::test]
async fn no_event_from_before_it_was_erased_brings_a_text_or_the_item_back() {
    let (fixture, mut owner) = fixture().await;
    fixture
        .apply(&[
            (1, added("milk", "milk", 1.0)),
            (2, renamed("milk", "secret milk")),
            (3, deleted("milk")),
            // Its adding is yet to come.
            (4, deleted("eggs")),
            (5, renamed("late", "secret late")),
        ])
        .await;
    for name in ["milk", "eggs", "late"] {
        assert_eq!(
            owner.erasable(id(name)).await.unwrap(),
            ItemErasure::Erased,
            "{name}"
        );
        let erased = owner.erase_item(id(name), at(20)).await.unwrap();
        assert_eq!(erased, ItemErasure::Erased, "{name}");
        let again = owner.erase_item(id(name), at(21)).await.unwrap();
        assert_eq!(again, ItemErasure::AlreadyErased, "{name}");
        fixture
            .apply(&[
                (1, added(name, "secret added", 1.0)),
                (18, renamed(name, "secret renamed")),
                (19, restored(name)),
            ])
            .await;
        let absence = fixture.items.absence(id(name)).await.unwrap();
        assert_eq!(absence, Absence::Deleted, "{name}");
    }
    let all = "select string_agg(items::text, ' ') from items";
    let all = fixture.database.execute(all).await.unwrap();
    assert!(all.contains("(erased)") && !all.contains("secret"), "{all}");
}

#[tokio::test]
async fn the_audit_keeps_that_something_happened_and_no_text() {
    let (fixture, mut owner) = fixture().await;
    let stream = stream();
    let audit = AuditLog::new(fixture.handle.clone());
    let (milk, eggs) = (EventId::from(id("milk")), EventId::from(id("eggs")));
    let unread = format!(r#"{{"id":"{}","item":"secret "#, id("milk"));
    let shouted = unread.to_uppercase();
    let mut entries = [
        entry(&stream, 1, &milk, br#"{"item":"secret"}"#),
        entry(&stream, 2, &eggs, br#"{"item":"eggs"}"#),
        // What nobody could read names no item.
        entry(&stream, 3, &milk, b"\xffsecret"),
        entry(&stream, 4, &eggs, unread.as_bytes()),
        entry(&stream, 5, &eggs, shouted.as_bytes()),
    ];
    entries[0].item = Some(id("milk"));
    entries[1].item = Some(id("eggs"));
    for entry in &mut entries[2..] {
        entry.item = None;
    }
    audit.append(&entries).await.unwrap();
    assert_eq!(owner.erase_audit(id("milk")).await.unwrap(), 4);
    assert_eq!(owner.erase_audit(id("milk")).await.unwrap(), 0);
    let left =
        "select string_agg(encode(payload, 'escape'), ' ' order by sequence) from audit.events";
    let left = fixture.database.execute(left).await.unwrap();
    let id = format!(r#"{{"id":"{}"}}"#, id("milk"));
    assert_eq!(left, format!(r#"{id} {{"item":"eggs"}} {id} {id} {id}"#));
}
