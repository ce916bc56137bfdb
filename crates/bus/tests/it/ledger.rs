//! The ledger.

use std::time::Duration;

use async_nats::jetstream;
use bus::{LEDGER, LedgerError};
use futures_util::future::join_all;
use testkit::eventually;
use uuid::Uuid;

use crate::world::{SOON, World};

#[tokio::test]
async fn who_has_seen_the_newest_note_may_write_and_nobody_else() {
    let world = World::new().await;
    let (bus, key) = (&world.bus, Uuid::now_v7());
    assert!(bus.get_entry(key).await.unwrap().is_none());
    let first = bus.put_entry(key, 0, "one".into()).await.unwrap();
    for seen in [0, first + 1] {
        let second = bus.put_entry(key, seen, "other".into()).await;
        assert!(matches!(second, Err(LedgerError::Overtaken)), "{second:?}");
    }
    let second = bus.put_entry(key, first, "two".into()).await.unwrap();
    let noted = bus.get_entry(key).await.unwrap().unwrap();
    assert_eq!((noted.revision, &noted.body[..]), (second, &b"two"[..]));
    // Another key is independent, and of each only the newest entry is kept.
    bus.put_entry(Uuid::now_v7(), 0, "x".into()).await.unwrap();
    let jetstream = jetstream::new(world.raw.clone());
    let ledger = jetstream.get_stream(LEDGER).await.unwrap();
    assert_eq!(ledger.cached_info().state.messages, 2);
}

#[tokio::test]
async fn of_many_who_write_at_the_same_time_one_may() {
    let world = World::new().await;
    let key = Uuid::now_v7();
    let writing = (0..50).map(|_| world.bus.put_entry(key, 0, "mine".into()));
    let written = join_all(writing).await;
    assert_eq!(written.iter().filter(|written| written.is_ok()).count(), 1);
}

#[tokio::test]
async fn a_note_survives_the_broker_and_is_forgotten_when_its_time_is_over() {
    let mut world = World::new().await;
    let key = Uuid::now_v7();
    world.bus.put_entry(key, 0, "one".into()).await.unwrap();
    world.broker.restart().await.unwrap();
    world.bus.wait_connected().await;
    let noted = eventually("it can be read", SOON, async || {
        let noted = world.bus.get_entry(key).await;
        noted.map_err(|error| error.to_string())
    });
    assert_eq!(&noted.await.unwrap().body[..], b"one");

    let client = async_nats::connect(world.broker.url()).await.unwrap();
    let jetstream = jetstream::new(client);
    let ledger = jetstream.get_stream(LEDGER).await.unwrap();
    let mut settings = ledger.cached_info().config.clone();
    assert_eq!(settings.max_age, Duration::from_hours(24));
    (settings.max_age, settings.duplicate_window) =
        (Duration::from_millis(200), Duration::from_millis(200));
    jetstream.update_stream(settings).await.unwrap();
    eventually("it is forgotten", SOON, async || {
        world.bus.get_entry(key).await.unwrap().is_none()
    })
    .await;
    // So that the key may be used anew.
    world.bus.put_entry(key, 0, "two".into()).await.unwrap();
}

#[tokio::test]
async fn while_the_broker_is_away_nobody_waits_for_the_ledger() {
    let mut world = World::new().await;
    world.broker.stop().await.unwrap();
    let mut connected = world.bus.connected();
    connected.wait_for(|connected| !connected).await.unwrap();
    let key = Uuid::now_v7();
    assert!(world.bus.get_entry(key).await.unwrap_err().is_away());
    assert!(
        world
            .bus
            .put_entry(key, 0, "x".into())
            .await
            .unwrap_err()
            .is_away()
    );
}
