//! Publishing succeeds only if the event is stored.

use std::time::{Duration, Instant};

use async_nats::jetstream;
use bus::{Bus, PublishError};
use testkit::{Broker, BrokerOptions};

use crate::world::{World, new_item};

async fn stored(world: &World) -> u64 {
    let stream = jetstream::new(world.raw.clone())
        .get_stream("TODO")
        .await
        .unwrap();
    stream.cached_info().state.messages
}

#[tokio::test]
async fn publishing_an_event_again_stores_it_once() {
    let world = World::new().await;
    let event = new_item("a");
    let first = world.bus.publish(&event).await.unwrap();
    let second = world.bus.publish(&event).await.unwrap();
    assert!(!first.duplicate && second.duplicate);
    assert_eq!(first.sequence, second.sequence);
    assert_eq!(stored(&world).await, 1);
}

#[tokio::test]
async fn a_batch_published_again_stores_each_of_its_events_once() {
    let world = World::new().await;
    let batch: Vec<_> = (0..2_500).map(|_| new_item("a")).collect();
    world.bus.publish_all(&batch[..2_000]).await.unwrap();
    world.bus.publish_all(&batch).await.unwrap();
    assert_eq!(stored(&world).await, 2_500);
}

#[tokio::test]
async fn a_batch_is_not_taken_for_stored_when_one_of_its_events_is_refused() {
    let world = World::new().await;
    let mut batch: Vec<_> = (0..3).map(|_| new_item("a")).collect();
    // More than the stream takes in one message, and less than the broker does.
    batch[1].body = vec![b' '; 1_040_000];
    let refused = world.bus.publish_all(&batch).await.unwrap_err();
    assert!(
        matches!(refused, PublishError::Refused { .. }),
        "{refused:?}"
    );
}

#[tokio::test]
async fn publishing_while_the_broker_is_down_fails_at_once_and_works_again_after() {
    let mut world = World::new().await;
    let mut connected = world.bus.connected();
    world.broker.stop().await.unwrap();
    connected.wait_for(|connected| !connected).await.unwrap();
    let started = Instant::now();
    let refused = world.bus.publish(&new_item("a")).await.unwrap_err();
    assert!(matches!(refused, PublishError::Disconnected), "{refused}");
    assert!(started.elapsed() < Duration::from_millis(100));
    world.broker.restart().await.unwrap();
    connected.wait_for(|connected| *connected).await.unwrap();
    world.bus.publish(&new_item("a")).await.unwrap();
}

#[tokio::test]
async fn publishing_to_a_broker_that_hangs_fails_within_two_seconds() {
    let world = World::new().await;
    world.broker.pause().unwrap();
    let started = Instant::now();
    let one = new_item("a");
    let several = [new_item("b"), new_item("c")];
    let (refused, also_refused) =
        tokio::join!(world.bus.publish(&one), world.bus.publish_all(&several));
    assert!(matches!(refused, Err(PublishError::Unconfirmed)));
    assert!(matches!(also_refused, Err(PublishError::Unconfirmed)));
    assert!(started.elapsed() < Duration::from_secs(2));
    world.broker.resume().unwrap();
}

/// The client's queue holds about two thousand commands; one more would wait for ever.
#[tokio::test]
async fn a_crowd_of_publishers_is_refused_in_time_while_the_broker_hangs() {
    let world = World::new().await;
    world.broker.pause().unwrap();
    let started = Instant::now();
    let crowd = (0..5_000).map(|_| async { world.bus.publish(&new_item("a")).await });
    let answers = futures_util::future::join_all(crowd).await;
    assert!(answers.iter().all(Result::is_err));
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
    world.broker.resume().unwrap();
}

#[tokio::test]
async fn publishing_without_a_stream_says_so() {
    let broker = Broker::start(BrokerOptions::default()).await.unwrap();
    let bus = Bus::connect(&broker.url(), "tester", "tester-1")
        .await
        .unwrap();
    bus.wait_connected().await;
    let one = new_item("a");
    let several = [new_item("b"), new_item("c")];
    let answers = tokio::join!(bus.publish(&one), bus.publish_all(&several));
    assert!(
        matches!(
            answers,
            (
                Err(PublishError::NoStream { .. }),
                Err(PublishError::NoStream { .. })
            )
        ),
        "{answers:?}"
    );
}

#[tokio::test]
async fn connecting_does_not_wait_for_the_broker() {
    let mut broker = Broker::start(BrokerOptions::default()).await.unwrap();
    broker.stop().await.unwrap();
    let started = Instant::now();
    let bus = Bus::connect(&broker.url(), "tester", "tester-1")
        .await
        .unwrap();
    assert!(started.elapsed() < Duration::from_secs(1));
    assert!(!*bus.connected().borrow());
    broker.restart().await.unwrap();
    let back = tokio::time::timeout(Duration::from_secs(5), bus.wait_connected()).await;
    assert!(back.is_ok(), "not connected 5 s after the broker came");
}

#[tokio::test]
async fn closing_sends_what_was_said_before() {
    let world = World::new().await;
    let member = world.member("leaver").await;
    member
        .send_raw("events.todo.newitem", r#"{"item":"last words"}"#)
        .await
        .unwrap();
    member.close().await;
    testkit::eventually(
        "the last words are stored",
        Duration::from_secs(5),
        async || {
            let count = stored(&world).await;
            if count == 1 { Ok(()) } else { Err(count) }
        },
    )
    .await;
}
