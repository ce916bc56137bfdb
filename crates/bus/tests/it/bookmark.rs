//! Durable readers.

use async_nats::jetstream;
use bus::DurableReaderError;

use crate::world::World;

#[tokio::test]
async fn a_bookmark_is_none_of_the_groups_and_is_forgotten_after_a_day() {
    let world = World::new().await;
    world.add("buy milk").await;
    let mut bookmark = world
        .bus
        .durable_reader("me", events::ALL_SUBJECTS)
        .unwrap();
    bookmark.open().await.unwrap();
    let info = world.group_info("bookmark-me").await.unwrap();
    assert_eq!(info.num_pending, 1);
    assert_eq!(info.config.inactive_threshold.as_secs(), 24 * 60 * 60);
    let standing = world.bus.stream_status().await.unwrap();
    assert!(standing.groups.is_empty(), "{standing:?}");
}

#[tokio::test]
async fn what_is_not_read_comes_again_and_at_once_if_its_reader_leaves() {
    let world = World::new().await;
    let (first, second) = (world.add("first").await, world.add("second").await);
    let id = |heard: &bus::ReceivedMessage| heard.header(events::header::ID).unwrap().to_owned();
    let mut bookmark = world
        .bus
        .durable_reader("me", events::ALL_SUBJECTS)
        .unwrap();
    let heard = bookmark.next().await.unwrap();
    assert_eq!(id(&heard), first.as_str());
    assert!(heard.stored_at().is_some());
    bookmark.read(&heard).await;
    let heard = bookmark.next().await.unwrap();
    assert_eq!(id(&heard), second.as_str());
    // The reader has a pull request open for one more, and leaves with it in flight.
    bookmark.read(&heard).await;
    let waiting = tokio::time::timeout(std::time::Duration::from_millis(50), bookmark.next());
    assert!(waiting.await.is_err(), "there is nothing more");
    let third = world.add("third").await;
    bookmark.leave().await;
    let mut again = world
        .bus
        .durable_reader("me", events::ALL_SUBJECTS)
        .unwrap();
    let start = std::time::Instant::now();
    let heard = again.next().await.unwrap();
    assert_eq!(id(&heard), third.as_str());
    assert!(start.elapsed().as_secs() < 5, "it was not given back");
}

#[tokio::test]
async fn a_bookmark_that_somebody_deleted_is_made_anew() {
    let world = World::new().await;
    world.add("buy milk").await;
    let mut bookmark = world
        .bus
        .durable_reader("me", events::ALL_SUBJECTS)
        .unwrap();
    let heard = bookmark.next().await.unwrap();
    bookmark.read(&heard).await;
    let stream = jetstream::new(world.raw.clone()).get_stream("TODO").await;
    let deleted = stream.unwrap().delete_consumer("bookmark-me").await;
    deleted.unwrap();
    let again = bookmark.next().await.unwrap();
    assert_eq!(again.payload(), heard.payload());
}

#[tokio::test]
async fn a_bookmark_in_what_the_stream_does_not_store_is_refused() {
    let world = World::new().await;
    let mut bookmark = world.bus.durable_reader("me", "demo.hello").unwrap();
    let refused = bookmark.open().await.unwrap_err();
    assert!(
        matches!(refused, DurableReaderError::Refused { .. }),
        "{refused}"
    );
    let nameless = world
        .bus
        .durable_reader("save handler", events::ALL_SUBJECTS);
    assert!(matches!(nameless, Err(DurableReaderError::Name { .. })));
}
