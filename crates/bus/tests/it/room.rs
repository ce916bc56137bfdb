//! Capacity of the stream of events.

use std::time::Duration;

use async_nats::jetstream;
use bus::{Batches, Bus, Delivery, PublishError};
use events::TodoEvent;
use testkit::eventually;
use tokio_util::sync::CancellationToken;

use crate::world::{SOON, World, away, during, new_item, saved};

/// Size limit of the stream in these tests (bytes).
const LIMIT: i64 = 1_000_000;

/// A world whose stream is soon full.
async fn small_world() -> World {
    let world = World::new().await;
    limit(&world, LIMIT).await;
    world
}

async fn limit(world: &World, bytes: i64) {
    let jetstream = jetstream::new(world.raw.clone());
    let stream = jetstream.get_stream("TODO").await.unwrap();
    let mut config = stream.cached_info().config.clone();
    config.max_bytes = bytes;
    jetstream.update_stream(config).await.unwrap();
}

/// Publishes until nothing more is accepted, and returns the number of accepted events.
async fn fill(publisher: &Bus) -> u64 {
    let text = "x".repeat(256);
    let mut accepted = 0;
    loop {
        match publisher.publish(&new_item(&text)).await {
            Ok(_) => accepted += 1,
            Err(PublishError::Refused { .. } | PublishError::Full) => return accepted,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Runs a member of a group that announces what it has handled, as savers do.
async fn saver(
    bus: &Bus,
    group: &str,
    batches: Batches,
    stop: &CancellationToken,
) -> Result<(), bus::GroupError> {
    let save = async |batch: &[Delivery<TodoEvent>]| {
        let announcements: Vec<_> = batch.iter().filter_map(saved).collect();
        let stored = bus.publish_all(&announcements).await;
        stored.map_err(|error| bus::HandlerError::Unavailable(error.into()))
    };
    bus.group(group, events::ALL_SUBJECTS)
        .batches(batches, stop.clone(), save)
        .await
}

async fn make_room(bus: &Bus) -> u64 {
    let standing = bus.stream_status().await.unwrap();
    bus.trim_handled(&standing, &[]).await.unwrap()
}

/// Has everything saved and announced while handled events are removed now and then, as housekeeper does.
async fn work_off(world: &World, batches: Batches) {
    let stop = CancellationToken::new();
    let housekeeping = async {
        loop {
            make_room(&world.bus).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let saver = saver(&world.bus, "saver", batches, &stop);
    tokio::select! {
        () = housekeeping => unreachable!("it goes on for ever"),
        () = during(&stop, [saver], world.settled("saver")) => {}
    }
}

#[tokio::test]
async fn events_that_a_group_has_not_handled_stay_however_full_it_is() {
    let world = small_world().await;
    let accepted = fill(&world.bus).await;
    assert!(accepted > 300);
    assert_eq!(make_room(&world.bus).await, 0, "nobody has handled them");

    // One group handles all, and another none: it joins and is stopped at once.
    let (slow, stop) = (CancellationToken::new(), CancellationToken::new());
    let idle = world.member("idle").await;
    let none = async |_: &[Delivery<TodoEvent>]| -> Result<(), bus::HandlerError> {
        Err(bus::HandlerError::Unavailable("not now".into()))
    };
    let one_by_one = Batches {
        size: 1,
        at_once: 1,
        pace: Duration::ZERO,
    };
    let joining = idle
        .group("slow", events::ALL_SUBJECTS)
        .batches(one_by_one, slow.clone(), none);
    let joined = async {
        eventually("the slow group is there", SOON, async || {
            world.group_info("slow").await.is_ok()
        })
        .await;
    };
    during(&slow, [joining], joined).await;
    let reader = async |_: &Delivery<TodoEvent>| Ok(());
    let quick = world.bus.group("quick", events::ALL_SUBJECTS);
    during(
        &stop,
        [quick.each(stop.clone(), reader)],
        world.settled("quick"),
    )
    .await;
    assert_eq!(
        make_room(&world.bus).await,
        0,
        "one group has not handled them"
    );

    // Without the slow one, every group that is there has handled all; but an expected one has not joined
    // yet.
    let jetstream = jetstream::new(world.raw.clone());
    let stream = jetstream.get_stream("TODO").await.unwrap();
    stream.delete_consumer("slow").await.unwrap();
    let standing = world.bus.stream_status().await.unwrap();
    let expected = ["quick".to_owned(), "late".to_owned()];
    let make_room = async |expected| world.bus.trim_handled(&standing, expected).await.unwrap();
    assert_eq!(make_room(&expected[..]).await, 0);
    assert!(make_room(&expected[..1]).await > 100);
}

/// Publishes `count` events of ten thousand bytes.
async fn add_large(world: &World, count: usize) {
    let large = |_| {
        let mut event = new_item("x");
        event.body.resize(10_000, b' ');
        event
    };
    let events: Vec<_> = (0..count).map(large).collect();
    world.bus.publish_all(&events).await.unwrap();
}

/// Returns a world with fifty events that every group has handled.
async fn all_done() -> World {
    let world = small_world().await;
    add_large(&world, 50).await;
    let stop = CancellationToken::new();
    let reader = world.bus.group("quick", events::ALL_SUBJECTS);
    let reader = reader.each(stop.clone(), async |_: &Delivery<TodoEvent>| Ok(()));
    during(&stop, [reader], world.settled("quick")).await;
    world
}

/// Reading the status takes time, and meanwhile events come that groups without pending events have not
/// seen.
#[tokio::test]
async fn events_that_came_after_everybody_was_seen_to_be_done_stay() {
    let world = all_done().await;
    let standing = world.bus.stream_status().await.unwrap();
    add_large(&world, 20).await;
    assert_eq!(world.bus.trim_handled(&standing, &[]).await.unwrap(), 50);
    assert_eq!(world.bus.stream_status().await.unwrap().events, 20);
}

#[tokio::test]
async fn the_newest_tenth_of_few_events_stays_as_well() {
    let world = all_done().await;
    assert_eq!(make_room(&world.bus).await, 45);
}

#[tokio::test]
async fn the_oldest_event_that_a_group_has_not_settled_is_known() {
    let world = World::new().await;
    let oldest = async || {
        let standing = world.bus.stream_status().await.unwrap();
        world.bus.oldest_unsettled(&standing).await.unwrap()
    };
    for item in ["good", "bad", "behind it"] {
        world.add(item).await;
    }
    let stream = jetstream::new(world.raw.clone());
    let stream = stream.get_stream("TODO").await.unwrap();
    let bad = stream.get_raw_message(2).await.unwrap();
    let stop = CancellationToken::new();
    let stuck = async |event: &Delivery<TodoEvent>| {
        let body = String::from_utf8_lossy(event.payload()).into_owned();
        if body.contains("\"bad\"") {
            return Err(away("not now"));
        }
        Ok(())
    };
    let group = || world.bus.group("saver", "events.todo.newitem");
    let looked = async {
        eventually("the first is settled", SOON, async || {
            let info = world.group_info("saver").await;
            info.is_ok_and(|info| info.ack_floor.stream_sequence == 1)
        })
        .await;
        assert_eq!(oldest().await["saver"], bad.time);
    };
    during(&stop, [group().each(stop.clone(), stuck)], looked).await;

    let stop = CancellationToken::new();
    let well = async |_: &Delivery<TodoEvent>| Ok(());
    let settled = world.settled("saver");
    during(&stop, [group().each(stop.clone(), well)], settled).await;
    assert!(oldest().await.is_empty());
}

#[tokio::test]
async fn a_stream_full_of_unhandled_events_refuses_more_is_worked_off_and_takes_events_again() {
    let world = small_world().await;
    let publisher = world.member("publisher").await;
    publisher.wait_connected().await;
    let accepted = tokio::select! {
        () = publisher.watch_capacity() => unreachable!("it goes on for ever"),
        accepted = async {
            let mut accepted = 0;
            while world.bus.stream_status().await.unwrap().bytes < 480_000 {
                world.bus.publish(&new_item(&"x".repeat(256))).await.unwrap();
                accepted += 1;
            }
            eventually("publishers are refused", SOON, async || {
                match publisher.publish(&new_item(&"y".repeat(256))).await {
                    Err(PublishError::Full) => Ok(()),
                    other => Err(other),
                }
            })
            .await;
            let batches = Batches {
                size: 50,
                at_once: 1,
                pace: Duration::ZERO,
            };
            work_off(&world, batches).await;
            make_room(&world.bus).await;
            eventually("publishers are welcome again", SOON, async || {
                publisher.publish(&new_item("z")).await.map_err(|error| error.to_string())
            })
            .await;
            accepted
        } => accepted,
    };
    assert!(accepted > 600);
    let standing = world.bus.stream_status().await.unwrap();
    assert!(standing.bytes < standing.limit / 2, "{standing:?}");
    // A browser that was disconnected catches up with the newest.
    assert!(standing.events > accepted / 20, "{standing:?}");
}

#[tokio::test]
async fn several_events_at_once_are_refused_as_one_is_when_there_is_little_room() {
    let world = small_world().await;
    add_large(&world, 60).await;
    let publisher = world.member("publisher").await;
    publisher.wait_connected().await;
    let several = [new_item("a"), new_item("b")];
    let refused = eventually("publishers are refused", SOON, async || {
        match publisher.publish_all(&several).await {
            Err(PublishError::Full) => Ok(()),
            other => Err(other),
        }
    });
    tokio::select! {
        () = publisher.watch_capacity() => unreachable!("it goes on for ever"),
        () = refused => {}
    }
    // A connection that does not watch the capacity may use the rest: what it announces makes room in the
    // end.
    world.bus.publish_all(&several).await.unwrap();
}

/// Announcements take room before the events that they are about can be removed. A batch whose
/// announcements do not all fit must not stand still with those that do: nothing would ever be removed.
#[tokio::test]
async fn a_group_goes_on_with_what_room_there_is_when_a_batch_needs_more() {
    let world = small_world().await;
    let mut accepted = 0;
    while world.bus.stream_status().await.unwrap().bytes < 720_000 {
        let event = new_item(&"x".repeat(256));
        world.bus.publish(&event).await.unwrap();
        accepted += 1;
    }
    let batches = Batches {
        size: 500,
        at_once: 2,
        pace: Duration::ZERO,
    };
    work_off(&world, batches).await;
    let standing = world.bus.stream_status().await.unwrap();
    assert_eq!(
        standing.last_sequence,
        2 * accepted,
        "each is announced once"
    );
}

#[tokio::test]
async fn a_group_without_any_room_waits_and_goes_on_when_the_stream_may_hold_more() {
    let world = small_world().await;
    let accepted = fill(&world.bus).await;
    let batches = Batches {
        size: 50,
        at_once: 2,
        pace: Duration::ZERO,
    };
    let widening = async {
        eventually("it has asked for events", SOON, async || {
            let info = world.group_info("saver").await;
            info.is_ok_and(|info| info.num_ack_pending > 0)
        })
        .await;
        let standing = world.bus.stream_status().await.unwrap();
        let saver = &standing.groups["saver"];
        assert_eq!(
            saver.waiting + saver.in_hand,
            accepted,
            "nothing is settled"
        );
        limit(&world, 3 * LIMIT).await;
    };
    tokio::join!(work_off(&world, batches), widening);
    let standing = world.bus.stream_status().await.unwrap();
    assert_eq!(
        standing.last_sequence,
        2 * accepted,
        "each is announced once"
    );
    assert!(world.dead_letters().await.is_empty());
}
