//! Connections: how many, for how long, and what a slow one does to a call.

use events::ListName;
use store::{Database, ItemStore};
use testkit::eventually;
use tokio::time::timeout;

use crate::fixture::{Fixture, SOON, added, at, becomes_reachable, completed, id};

#[tokio::test]
async fn there_are_never_more_connections_than_the_pool_may_have_and_one() {
    let store = Fixture::new().await;
    becomes_reachable(&store.handle).await;
    let calls = (0..200).map(|_| {
        let items = store.items.clone();
        tokio::spawn(async move { items.count(&ListName::default()).await.map(drop) })
    });
    let calls: Vec<_> = calls.collect();
    assert!(store.connections("test%").await <= 3);
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert!(store.connections("test%").await <= 3);
    assert_eq!(store.connections("test probe").await, 1);
}

#[tokio::test]
async fn the_last_handle_takes_its_connections_and_the_probe_with_it() {
    let store = Fixture::new().await;
    becomes_reachable(&store.handle).await;
    store.items.get(id("milk")).await.unwrap();
    let Fixture {
        items,
        handle,
        database,
    } = store;

    drop(handle);
    items.get(id("milk")).await.unwrap();
    drop(items);

    let count = "select count(*) from pg_stat_activity \
        where datname = current_database() and application_name like 'test%'";
    eventually("no connection is left", SOON, async || {
        let left = database.execute(count).await.unwrap();
        (left == "0").then_some(()).ok_or(left)
    })
    .await;
}

#[tokio::test]
async fn closing_ends_all_connections_and_later_calls_fail() {
    let store = Fixture::new().await;
    store.items.get(id("milk")).await.unwrap();

    store.handle.close().await;

    let error = store.items.get(id("milk")).await.unwrap_err();
    assert!(error.is_unavailable());
    eventually("no connection is left", SOON, async || {
        store.connections("test%").await == 0
    })
    .await;
}

#[tokio::test]
async fn a_call_that_is_slow_on_a_database_that_answers_gets_its_answer() {
    let store = Fixture::new().await;
    becomes_reachable(&store.handle).await;
    store.apply(&[(1, added("milk", "buy milk", 1.0))]).await;
    // Longer than an outage takes to be noticed.
    let lock = "begin; lock table items; select pg_sleep(4); commit";
    let event = completed("milk");
    let (held, saved) = tokio::join!(store.database.execute(lock), async {
        let is_held = "select count(*) > 0 from pg_locks where granted \
            and mode = 'AccessExclusiveLock' and relation = 'items'::regclass";
        eventually("the table is locked", SOON, async || {
            store
                .database
                .execute(is_held)
                .await
                .is_ok_and(|yes| yes == "t")
        })
        .await;
        store.items.apply([(&event, at(2))]).await
    });
    held.unwrap();
    assert!(saved.unwrap()[0].changed);
}

#[tokio::test]
async fn a_failed_call_shows_in_reachable_at_once_until_the_probe_knows_better() {
    let store = Fixture::new().await;
    becomes_reachable(&store.handle).await;
    let mut reachable = store.handle.reachable();
    store
        .database
        .execute("alter table items rename to away")
        .await
        .unwrap();

    store.items.get(id("milk")).await.unwrap_err();
    assert!(!*reachable.borrow_and_update());

    store
        .database
        .execute("alter table away rename to items")
        .await
        .unwrap();
    timeout(SOON, reachable.wait_for(|reachable| *reachable))
        .await
        .unwrap()
        .unwrap();
    store.items.get(id("milk")).await.unwrap();
}

#[tokio::test]
async fn a_connection_that_the_database_ended_fails_one_call_at_most() {
    let store = Fixture::new().await;
    store.items.get(id("milk")).await.unwrap();
    let end = "select count(pg_terminate_backend(pid)) from pg_stat_activity \
        where datname = current_database() and application_name = 'test'";
    store.database.execute(end).await.unwrap();
    if let Err(error) = store.items.get(id("milk")).await {
        assert!(error.is_unavailable());
    }
    store.items.get(id("milk")).await.unwrap();
}

#[tokio::test]
async fn a_call_can_be_spawned() {
    fn is_send<T: Send>(call: T) -> T {
        call
    }
    let handle = Database::connect("postgres://nobody@127.0.0.1:1/none", "test", 1).unwrap();
    let items = ItemStore::new(handle);
    let event = completed("milk");
    drop(is_send(items.apply([(&event, at(1))])));
    drop(is_send(items.get(id("milk"))));
}
