//! Outages of the database, and recovery.

use std::{fmt::Debug, process::Command, time::Duration};

use events::ListName;
use store::{Database, ItemStore, StoreError};
use testkit::{Link, Postgres, PostgresOptions, eventually};
use tokio::time::{Instant, timeout};

use crate::fixture::{Fixture, SOON, added, apply, at, becomes_reachable, completed, id};

/// Promised limit of a call while the database does not answer.
const PROMISE: Duration = Duration::from_secs(3);

/// Time limit of the recovery after the connections have died, if new ones can be made.
const RECOVERY: Duration = Duration::from_secs(6);

/// A server that may be stopped and frozen, with a pool of two.
struct Own {
    server: Postgres,
    handle: Database,
    items: ItemStore,
}

impl Own {
    async fn start() -> Self {
        let server = Postgres::start(PostgresOptions::default()).await.unwrap();
        let url = server.url("postgres");
        store::migrate(&url).await.unwrap();
        let handle = Database::connect(&url, "test", 2).unwrap();
        let items = ItemStore::new(handle.clone());
        becomes_reachable(&handle).await;
        apply(&items, &[(1, added("milk", "buy milk", 1.0))]).await;
        Self {
            server,
            handle,
            items,
        }
    }

    async fn execute(&self, sql: &str) -> Result<String, impl Debug + use<>> {
        self.server.execute("postgres", sql).await
    }
}

/// More calls than there are connections; all must fail as unavailable, and in time.
async fn all_fail_in_time(items: &ItemStore) {
    let default = ListName::default();
    let event = completed("milk");
    let call = async |kind: usize| -> Result<(), StoreError> {
        match kind % 4 {
            0 => items.apply([(&event, at(2))]).await.map(drop),
            1 => items.list(&default, None, 10).await.map(drop),
            2 => items.count(&default).await.map(drop),
            _ => items.get(id("milk")).await.map(drop),
        }
    };
    let start = Instant::now();
    let results = tokio::join!(call(0), call(1), call(2), call(3), call(4));
    for result in <[_; 5]>::from(results) {
        assert!(result.unwrap_err().is_unavailable());
    }
    let took = start.elapsed();
    assert!(
        took < PROMISE + Duration::from_millis(500),
        "it took {took:?}"
    );
}

/// Calls succeed again, as many at once as there are connections, and more.
async fn all_is_well_again(items: &ItemStore) {
    eventually("a call succeeds", SOON, async || {
        items.get(id("milk")).await
    })
    .await;
    let call = || async { items.get(id("milk")).await.unwrap().unwrap().version };
    let versions = tokio::join!(call(), call(), call(), call());
    assert_eq!(versions.0, versions.3);
}

#[tokio::test]
async fn a_frozen_database_is_unavailable_in_time_and_the_pool_outlives_it() {
    let own = Own::start().await;

    own.server.pause().unwrap();
    all_fail_in_time(&own.items).await;
    assert!(!*own.handle.reachable().borrow());
    all_fail_in_time(&own.items).await;

    own.server.resume().unwrap();
    all_is_well_again(&own.items).await;
    becomes_reachable(&own.handle).await;
}

#[tokio::test]
async fn a_call_that_waits_when_the_database_freezes_fails_in_time() {
    let own = Own::start().await;
    let hold = "begin; lock table items; select pg_sleep(600)";
    let waits = "select count(*) > 0 from pg_stat_activity \
        where application_name = 'test' and wait_event_type = 'Lock'";
    let call = async {
        let error = own.items.get(id("milk")).await.unwrap_err();
        assert!(error.is_unavailable());
        Instant::now()
    };
    let freeze = async {
        eventually("the call waits", SOON, async || {
            own.execute(waits).await.is_ok_and(|waits| waits == "t")
        })
        .await;
        own.server.pause().unwrap();
        Instant::now()
    };
    let (frozen, failed) = tokio::select! {
        end = own.execute(hold) => panic!("nothing holds the table: {end:?}"),
        times = async { tokio::join!(freeze, call) } => times,
    };
    assert!(failed - frozen < PROMISE, "it took {:?}", failed - frozen);

    own.server.resume().unwrap();
    let end = "select count(pg_terminate_backend(pid)) from pg_stat_activity \
        where query like '%pg_sleep(600)' and pid <> pg_backend_pid()";
    own.execute(end).await.unwrap();
    all_is_well_again(&own.items).await;
}

#[tokio::test]
async fn a_connection_that_hangs_for_ever_takes_no_place_in_the_pool() {
    let own = Own::start().await;
    let single = Database::connect(&own.server.url("postgres"), "single", 1).unwrap();
    let items = ItemStore::new(single);
    let of_the_pool = "select string_agg(pid::text, ' ') from pg_stat_activity \
        where application_name = 'single'";
    for _ in 0..3 {
        items.get(id("milk")).await.unwrap();
        signal("-STOP", &own.execute(of_the_pool).await.unwrap());
        let call = timeout(Duration::from_millis(100), items.get(id("milk")));
        assert!(call.await.is_err(), "it hangs with its connection");
    }
    items.get(id("milk")).await.unwrap();
    signal("-CONT", &own.execute(of_the_pool).await.unwrap());
}

fn signal(name: &str, pids: &str) {
    let status = Command::new("kill")
        .arg(name)
        .args(pids.split(' '))
        .status();
    assert!(status.unwrap().success(), "{pids}");
}

#[tokio::test]
async fn a_stopped_database_is_unavailable_in_time_and_the_pool_outlives_it() {
    let mut own = Own::start().await;

    own.server.stop().await.unwrap();
    all_fail_in_time(&own.items).await;
    assert!(!*own.handle.reachable().borrow());

    own.server.restart().await.unwrap();
    all_is_well_again(&own.items).await;
    becomes_reachable(&own.handle).await;
}

#[tokio::test]
async fn a_restart_between_two_calls_fails_none() {
    let mut own = Own::start().await;
    // Idle for longer than a connection is used untested.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    own.server.restart().await.unwrap();
    own.items.get(id("milk")).await.unwrap();
}

#[tokio::test]
async fn reachable_follows_the_database_without_any_call() {
    let mut own = Own::start().await;
    let mut reachable = own.handle.reachable();

    own.server.kill().await.unwrap();
    timeout(PROMISE, reachable.wait_for(|reachable| !reachable))
        .await
        .unwrap()
        .unwrap();

    own.server.restart().await.unwrap();
    timeout(SOON, reachable.wait_for(|reachable| *reachable))
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn a_database_that_is_away_from_the_start_is_found_when_it_comes() {
    let mut own = Own::start().await;
    own.server.stop().await.unwrap();
    let handle = Database::connect(&own.server.url("postgres"), "early", 1).unwrap();
    let items = ItemStore::new(handle.clone());
    all_fail_in_time(&items).await;

    own.server.restart().await.unwrap();
    becomes_reachable(&handle).await;
    items.get(id("milk")).await.unwrap();
}

#[tokio::test]
async fn a_link_that_swallows_everything_is_an_outage_and_wedges_nothing() {
    let store = Fixture::new().await;
    let link = Link::start(&store.database.url()).await.unwrap();
    let handle = Database::connect(&link.url(&store.database.url()), "linked", 2).unwrap();
    let items = ItemStore::new(handle.clone());
    becomes_reachable(&handle).await;
    apply(&items, &[(1, added("milk", "buy milk", 1.0))]).await;

    link.stall();
    all_fail_in_time(&items).await;
    link.restore().await;
    all_is_well_again(&items).await;

    link.cut().await;
    all_fail_in_time(&items).await;
    link.restore().await;
    all_is_well_again(&items).await;
}

/// As with firewalls and NAT that drop a connection silently: neither side gets a reset, and new connections
/// work.
#[tokio::test]
async fn connections_that_died_silently_are_noticed_within_seconds_and_fail_no_later_call() {
    let store = Fixture::new().await;
    let link = Link::start(&store.database.url()).await.unwrap();
    let handle = Database::connect(&link.url(&store.database.url()), "linked", 4).unwrap();
    let items = ItemStore::new(handle.clone());
    becomes_reachable(&handle).await;
    apply(&items, &[(1, added("milk", "buy milk", 1.0))]).await;
    let call = || async { items.get(id("milk")).await };
    // So that the pool has several.
    let _ = tokio::join!(call(), call(), call(), call());

    let mut reachable = handle.reachable();
    link.strand();
    let start = Instant::now();
    reachable.wait_for(|reachable| !reachable).await.unwrap();
    reachable.wait_for(|reachable| *reachable).await.unwrap();
    assert!(start.elapsed() < RECOVERY, "{:?}", start.elapsed());
    let calls = tokio::join!(call(), call(), call(), call());
    for call in [calls.0, calls.1, calls.2, calls.3] {
        assert!(call.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_call_on_a_connection_that_dies_silently_ends_within_seconds() {
    let store = Fixture::new().await;
    let link = Link::start(&store.database.url()).await.unwrap();
    let handle = Database::connect(&link.url(&store.database.url()), "linked", 1).unwrap();
    let items = ItemStore::new(handle.clone());
    becomes_reachable(&handle).await;
    items.get(id("milk")).await.unwrap();
    link.strand();
    let start = Instant::now();
    let _ = items.get(id("milk")).await;
    eventually("a call succeeds", SOON, async || {
        items.get(id("milk")).await
    })
    .await;
    assert!(start.elapsed() < RECOVERY, "{:?}", start.elapsed());
}

#[tokio::test]
async fn calls_that_nobody_waits_for_any_more_leave_the_pool_whole() {
    let store = Fixture::new().await;
    let link = Link::start(&store.database.url()).await.unwrap();
    let handle = Database::connect(&link.url(&store.database.url()), "linked", 2).unwrap();
    let items = ItemStore::new(handle.clone());
    becomes_reachable(&handle).await;
    apply(&items, &[(1, added("milk", "buy milk", 1.0))]).await;

    // Each call is dropped after its statement was sent and before its answer came.
    link.stall();
    for _ in 0..6 {
        let call = items.get(id("milk"));
        assert!(timeout(Duration::from_millis(20), call).await.is_err());
    }
    link.restore().await;

    // None of these gets an answer of a dropped call.
    apply(&items, &[(2, added("bread", "buy bread", 2.0))]).await;
    for name in ["milk", "bread", "milk", "bread"] {
        let item = items.get(id(name)).await.unwrap().unwrap();
        assert_eq!(item.id, id(name));
    }
}
