//! Feeds: the events stored on a subject, in order, from a sequence on.

use std::time::{Duration, Instant};

use async_nats::jetstream;
use bus::{Feed, FeedItem, Start, Streams};
use events::{ItemEvent, TodoEvent};
use futures_util::TryStreamExt;
use tokio::time::timeout;

use crate::world::{SOON, World};

const NEW: &str = "events.todo.newitem";

/// Returns the next item of a feed: an item's text and its sequence, or the sequence after which it
/// begins.
async fn next(feed: &mut Feed) -> (String, u64) {
    loop {
        if let Some(said) = next_of_any(feed).await {
            return said;
        }
    }
}

/// Returns the next item like [`next`], and nothing if the feed has caught up.
async fn next_of_any(feed: &mut Feed) -> Option<(String, u64)> {
    Some(match timeout(SOON, feed.next()).await.unwrap() {
        FeedItem::Event(received) => {
            let TodoEvent::Item(ItemEvent::Added(added)) = received.event else {
                panic!("only items are added here")
            };
            (added.item.to_string(), received.origin.sequence)
        }
        FeedItem::Begins { after } => ("begins".to_owned(), after),
        FeedItem::CaughtUp => return None,
    })
}

fn said(what: &str, sequence: u64) -> (String, u64) {
    (what.to_owned(), sequence)
}

#[tokio::test]
async fn each_feed_gives_everything_from_its_place_on_and_leaves_out_what_is_no_event() {
    let world = World::new().await;
    world.add("one").await;
    let mut now = world.bus.feed(NEW, Start::Now);
    assert_eq!(next(&mut now).await, said("begins", 1));
    world.publish_raw(NEW, "no event").await;
    world
        .publish_raw("events.todo.other", "not asked for")
        .await;
    world.add("two").await;
    assert_eq!(next(&mut now).await, said("two", 4));
    let mut all = world.bus.feed(NEW, Start::After(0));
    assert_eq!(next(&mut all).await, said("one", 1));
    assert_eq!(next(&mut all).await, said("two", 4));
    world.add("three").await;
    for feed in [&mut now, &mut all] {
        assert_eq!(next(feed).await, said("three", 5));
    }
}

#[tokio::test]
async fn a_feed_says_when_it_has_given_what_was_stored() {
    let world = World::new().await;
    let mut empty = world.bus.feed(NEW, Start::After(0));
    assert_eq!(next_of_any(&mut empty).await, None);
    world.add("one").await;
    world.add("two").await;
    world
        .publish_raw("events.todo.other", "not asked for")
        .await;
    let mut feed = world.bus.feed(NEW, Start::After(0));
    for expected in [Some(said("one", 1)), Some(said("two", 2)), None] {
        assert_eq!(next_of_any(&mut feed).await, expected);
    }
    world.add("three").await;
    assert_eq!(next_of_any(&mut feed).await, Some(said("three", 4)));
}

#[tokio::test]
async fn a_feed_goes_on_where_it_was_soon_after_the_broker_is_back() {
    let mut world = World::new().await;
    let mut feed = world.bus.feed(NEW, Start::After(0));
    world.add("before").await;
    assert_eq!(next(&mut feed).await, said("before", 1));
    world.broker.kill().await.unwrap();
    world.broker.restart().await.unwrap();
    let back = Instant::now();
    world.bus.wait_connected().await;
    world.add("after").await;
    assert_eq!(next(&mut feed).await, said("after", 2));
    assert!(
        back.elapsed() < Duration::from_secs(5),
        "{:?}",
        back.elapsed()
    );
}

#[tokio::test]
async fn a_feed_whose_consumer_is_gone_makes_another_and_misses_nothing() {
    let world = World::new().await;
    let mut feed = world.bus.feed(NEW, Start::Now);
    assert_eq!(next(&mut feed).await, said("begins", 0));
    let stream = jetstream::new(world.raw.clone()).get_stream("TODO").await;
    let stream = stream.unwrap();
    let name = stream.consumer_names().try_next().await.unwrap().unwrap();
    stream.delete_consumer(&name).await.unwrap();
    world.add("unheard").await;
    assert_eq!(next(&mut feed).await, said("unheard", 1));
}

#[tokio::test]
async fn a_feed_says_when_it_cannot_go_on_where_it_was() {
    let world = World::new().await;
    for text in ["one", "two", "three"] {
        world.add(text).await;
    }
    let raw = jetstream::new(world.raw.clone());
    let stream = raw.get_stream("TODO").await.unwrap();
    stream.purge().sequence(3).await.unwrap();
    let mut late = world.bus.feed(NEW, Start::After(1));
    assert_eq!(next(&mut late).await, said("begins", 3));
    let mut just_in_time = world.bus.feed(NEW, Start::After(2));
    assert_eq!(next(&mut just_in_time).await, said("three", 3));
    let mut never = world.bus.feed(NEW, Start::After(77));
    assert_eq!(next(&mut never).await, said("begins", 3));

    raw.delete_stream("TODO").await.unwrap();
    world.bus.ensure_streams(Streams::default()).await.unwrap();
    world.add("anew").await;
    // It depends on when the feed reads the new stream whether the first event there is still to come.
    let (what, after) = next(&mut just_in_time).await;
    assert!(what == "begins" && after <= 1, "{what} {after}");
}
