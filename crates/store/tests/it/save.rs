//! Effects of successive events on an item.

use store::ErrorKind;
use time::macros::datetime;

use crate::fixture::{
    Fixture, added, at, completed, deleted, id, item_added, moved, order, renamed, reopened,
    restored, untouched,
};

#[tokio::test]
async fn an_added_item_is_there_with_version_1() {
    let store = Fixture::new().await;

    let saved = store
        .apply_one(&[(1, added("milk", "buy milk", 5.0))])
        .await;

    assert_eq!(
        (saved.id, saved.version, saved.changed),
        (id("milk"), 1, true)
    );
    assert_eq!(saved.state, Some(untouched("buy milk", 5.0)));
    let item = store.items.get(id("milk")).await.unwrap().unwrap();
    assert_eq!(
        (item.item.as_str(), item.order, item.version),
        ("buy milk", order(5.0), 1)
    );
}

#[tokio::test]
async fn each_event_changes_what_it_speaks_of_and_counts_one_version() {
    let store = Fixture::new().await;
    store.apply(&[(1, added("milk", "buy milk", 5.0))]).await;
    let mut expected = untouched("buy milk", 5.0);

    expected.item = "buy oat milk".parse().unwrap();
    let saved = store
        .apply_one(&[(2, renamed("milk", "buy oat milk"))])
        .await;
    assert_eq!((saved.version, saved.state.as_ref()), (2, Some(&expected)));

    expected.order = order(2.5);
    let saved = store.apply_one(&[(3, moved("milk", 2.5))]).await;
    assert_eq!((saved.version, saved.state.as_ref()), (3, Some(&expected)));

    expected.completed = true;
    let saved = store.apply_one(&[(4, completed("milk"))]).await;
    assert_eq!((saved.version, saved.state.as_ref()), (4, Some(&expected)));

    expected.completed = false;
    let saved = store.apply_one(&[(5, reopened("milk"))]).await;
    assert_eq!((saved.version, saved.state.as_ref()), (5, Some(&expected)));

    expected.deleted = true;
    let saved = store.apply_one(&[(6, deleted("milk"))]).await;
    assert_eq!((saved.version, saved.state.as_ref()), (6, Some(&expected)));
    assert_eq!(store.items.get(id("milk")).await.unwrap(), None);
}

#[tokio::test]
async fn a_batch_counts_one_version_however_many_events_it_has() {
    let store = Fixture::new().await;
    let events = [
        (1, added("milk", "buy milk", 5.0)),
        (2, completed("milk")),
        (3, renamed("milk", "buy oat milk")),
    ];
    let saved = store.apply_one(&events).await;
    assert_eq!((saved.version, saved.changed), (1, true));
}

#[tokio::test]
async fn a_repeated_event_changes_nothing_and_tells_the_state_again() {
    let store = Fixture::new().await;
    let events = [(1, added("milk", "buy milk", 5.0)), (2, completed("milk"))];
    let first = store.apply_one(&events).await;

    for repeated in [&events[..], &events[..1], &events[1..]] {
        let again = store.apply_one(repeated).await;
        assert!(!again.changed);
        assert_eq!((again.version, &again.state), (first.version, &first.state));
    }
    let next = store
        .apply_one(&[(2, completed("milk")), (3, moved("milk", 1.0))])
        .await;
    assert_eq!((next.version, next.changed), (2, true));
}

#[tokio::test]
async fn an_event_older_than_what_it_would_change_is_repetition_too() {
    let store = Fixture::new().await;
    store
        .apply(&[
            (1, added("milk", "buy milk", 5.0)),
            (9, renamed("milk", "latest")),
        ])
        .await;
    let saved = store.apply_one(&[(5, renamed("milk", "late"))]).await;
    assert_eq!((saved.version, saved.changed), (1, false));
    assert_eq!(saved.state, Some(untouched("latest", 5.0)));
}

#[tokio::test]
async fn of_two_events_that_add_one_item_the_first_in_the_stream_counts() {
    let store = Fixture::new().await;
    let mut late = item_added("milk", "second", 2.0);
    late.list = "errands".parse().unwrap();
    late.added_at = datetime!(2027-01-01 00:00 UTC);

    let saved = store
        .apply_one(&[(2, events::ItemEvent::Added(late.clone()))])
        .await;
    assert_eq!(saved.state.unwrap().item.as_str(), "second");

    let saved = store.apply_one(&[(1, added("milk", "first", 1.0))]).await;
    assert_eq!((saved.version, saved.changed), (2, true));
    assert_eq!(saved.state, Some(untouched("first", 1.0)));

    let saved = store
        .apply_one(&[(2, events::ItemEvent::Added(late))])
        .await;
    assert_eq!((saved.version, saved.changed), (2, false));
    assert_eq!(saved.state, Some(untouched("first", 1.0)));
}

#[tokio::test]
async fn an_event_that_comes_before_its_item_waits_hidden_for_it() {
    let store = Fixture::new().await;

    let saved = store
        .apply_one(&[(2, renamed("milk", "buy oat milk")), (3, completed("milk"))])
        .await;
    assert_eq!((saved.version, saved.changed), (1, true));
    assert_eq!(saved.state, None);
    assert_eq!(store.items.get(id("milk")).await.unwrap(), None);
    assert_eq!(
        store
            .items
            .count(&events::ListName::default())
            .await
            .unwrap()
            .total,
        0
    );

    let saved = store
        .apply_one(&[(1, added("milk", "buy milk", 5.0))])
        .await;
    let mut expected = untouched("buy oat milk", 5.0);
    expected.completed = true;
    assert_eq!((saved.version, saved.state), (2, Some(expected)));
}

#[tokio::test]
async fn a_deleted_item_stays_deleted_whatever_comes_late() {
    let store = Fixture::new().await;
    store.apply(&[(9, deleted("milk"))]).await;
    let saved = store
        .apply_one(&[(1, added("milk", "buy milk", 5.0)), (2, completed("milk"))])
        .await;
    assert!(saved.state.unwrap().deleted);
    assert_eq!(store.items.get(id("milk")).await.unwrap(), None);
}

#[tokio::test]
async fn a_restored_item_is_back_as_it_was_and_only_a_later_deletion_takes_it_again() {
    let store = Fixture::new().await;
    store
        .apply(&[(1, added("milk", "buy milk", 5.0)), (2, completed("milk"))])
        .await;
    store.apply(&[(3, deleted("milk"))]).await;
    let saved = store.apply_one(&[(5, restored("milk"))]).await;
    let mut expected = untouched("buy milk", 5.0);
    expected.completed = true;
    assert_eq!(saved.state.as_ref(), Some(&expected));
    assert!(store.items.get(id("milk")).await.unwrap().is_some());

    // The same request to add it, or a deletion from before, comes late.
    let late = [(4, deleted("milk")), (6, added("milk", "buy milk", 9.0))];
    let saved = store.apply_one(&late).await;
    assert_eq!(saved.state, Some(expected));
    let saved = store.apply_one(&[(7, deleted("milk"))]).await;
    assert!(saved.state.unwrap().deleted);
    // Adding it again does not bring it back.
    let again = [(8, added("milk", "buy milk", 9.0))];
    assert!(store.apply_one(&again).await.state.unwrap().deleted);
}

#[tokio::test]
async fn saved_items_come_in_the_order_of_their_identifiers_once_each() {
    let store = Fixture::new().await;
    let events: Vec<_> = (1..=50)
        .map(|n| (n, added(&format!("item {}", n % 25), "text", 1.0)))
        .collect();
    let saved = store.apply(&events).await;
    assert_eq!(saved.len(), 25);
    assert!(saved.is_sorted_by(|one, next| one.id < next.id));
}

#[tokio::test]
async fn no_events_need_no_database() {
    let away = store::Database::connect("postgres://nobody@127.0.0.1:1/none", "test", 1).unwrap();
    let items = store::ItemStore::new(away);
    assert_eq!(items.apply([]).await.unwrap(), []);
}

#[tokio::test]
async fn any_text_survives() {
    let store = Fixture::new().await;
    let longest = "🥛".repeat(256);
    let texts = [
        "👩‍👩‍👧 홍보 비디오 촬영",
        r#"'"; drop table items; --"#,
        r"\x00 {null} %s $1",
        &longest,
    ];
    for (sequence, text) in (1..).zip(texts) {
        let saved = store.apply_one(&[(sequence, added(text, text, 1.0))]).await;
        assert_eq!(saved.state.unwrap().item.as_str(), text);
        let item = store.items.get(id(text)).await.unwrap().unwrap();
        assert_eq!(item.item.as_str(), text);
    }
}

#[tokio::test]
async fn a_time_that_nobody_can_write_is_rejected_and_blamed_on_the_row() {
    let store = Fixture::new().await;
    for added_at in [
        datetime!(-9999-01-01 00:00 UTC),
        datetime!(0000-01-01 00:00 +10:00),
        datetime!(9999-12-31 23:00 -10:00),
    ] {
        let mut odd = item_added("odd", "text", 1.0);
        odd.added_at = added_at;
        let good = added("good", "text", 1.0);
        let batch = [(&good, at(1)), (&events::ItemEvent::Added(odd), at(2))];

        let error = store.items.apply(batch).await.unwrap_err();

        assert_eq!(error.kind(), ErrorKind::Rejected, "{added_at}");
        assert_eq!(
            store.items.get(id("good")).await.unwrap(),
            None,
            "all or none"
        );
    }
    // It does not count against the database.
    store
        .items
        .apply([(&added("good", "text", 1.0), at(1))])
        .await
        .unwrap();
}

#[tokio::test]
async fn a_save_is_told_as_an_event_once_there_is_something_to_tell() {
    let store = Fixture::new().await;
    let cause = events::EventId::parse("cause").unwrap();

    let hidden = store.apply_one(&[(2, completed("milk"))]).await;
    assert_eq!(hidden.into_event(cause.clone()), None);

    let saved = store
        .apply_one(&[(1, added("milk", "buy milk", 5.0))])
        .await;
    let event = saved.into_event(cause.clone()).unwrap();
    assert_eq!(
        (event.id, event.version, event.completed),
        (id("milk"), 2, true)
    );
    assert_eq!(event.cause, cause);
}
