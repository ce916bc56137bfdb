//! Outages delay. They lose nothing and blame nobody.

use std::{
    cell::{Cell, RefCell},
    time::{Duration, Instant},
};

use async_nats::jetstream;
use bus::{Batches, Bus, Delivery, Streams};
use events::TodoEvent;
use futures_util::FutureExt;
use testkit::{Broker, Link, eventually};
use tokio_util::sync::CancellationToken;

use crate::world::{SOON, Seen, World, away, during, new_item};

#[tokio::test]
async fn while_what_is_needed_is_away_nothing_is_tried_again_and_nothing_is_blamed() {
    let world = World::new().await;
    for n in 0..50 {
        world.add(&format!("item {n}")).await;
    }
    let (stop, seen, back) = (CancellationToken::new(), Seen::default(), Cell::new(false));
    let group = world.bus.group("saver", events::ALL_SUBJECTS);
    let mut working = group.working();
    let batches = Batches {
        size: 10,
        at_once: 2,
        pace: Duration::ZERO,
    };
    let member = group.batches(
        batches,
        stop.clone(),
        async |batch: &[Delivery<TodoEvent>]| {
            if !back.get() {
                return Err(away("the database is away"));
            }
            for event in batch {
                seen.note(event);
            }
            Ok(())
        },
    );
    during(&stop, [member], async {
        working.wait_for(|working| *working).await.unwrap();
        working.wait_for(|working| !working).await.unwrap();
        assert!(world.group_info("saver").await.unwrap().num_ack_pending > 0);
        back.set(true);
        working.wait_for(|working| *working).await.unwrap();
        seen.reach(50).await;
        world.settled("saver").await;
    })
    .await;
    assert_eq!(seen.len(), 50);
    assert!(
        seen.attempts().iter().all(|attempt| *attempt == 1),
        "{:?}",
        seen.attempts()
    );
    assert!(world.dead_letters().await.is_empty());
}

#[tokio::test]
async fn stopping_during_an_outage_gives_the_events_back() {
    let world = World::new().await;
    for n in 0..20 {
        world.add(&format!("item {n}")).await;
    }
    let stop = CancellationToken::new();
    let group = world.bus.group("saver", events::ALL_SUBJECTS);
    let mut working = group.working();
    let member = group.each(stop.clone(), async |_: &Delivery<TodoEvent>| {
        Err(away("no database"))
    });
    during(&stop, [member], async {
        working.wait_for(|working| *working).await.unwrap();
        working.wait_for(|working| !working).await.unwrap();
    })
    .await;
    let (stop, seen) = (CancellationToken::new(), Seen::default());
    let group = world.bus.group("saver", events::ALL_SUBJECTS);
    let member = group.each(stop.clone(), async |event: &Delivery<TodoEvent>| {
        seen.note(event);
        Ok(())
    });
    during(&stop, [member], seen.reach(20)).await;
}

/// Its buffered events cannot be given back then, and nobody waits for that: the broker redelivers them
/// by itself.
#[tokio::test]
async fn a_member_that_is_asked_to_stop_while_the_broker_is_away_stops_at_once() {
    let mut world = World::new().await;
    for n in 0..20 {
        world.add(&format!("item {n}")).await;
    }
    let stop = CancellationToken::new();
    let bus = world.member("saver-1").await;
    let group = bus.group("saver", events::ALL_SUBJECTS);
    let mut working = group.working();
    let member = group.each(stop.clone(), async |_: &Delivery<TodoEvent>| {
        Err(away("no database"))
    });
    let started = during(&stop, [member], async {
        working.wait_for(|working| *working).await.unwrap();
        working.wait_for(|working| !working).await.unwrap();
        world.broker.kill().await.unwrap();
        let mut connected = bus.connected();
        connected.wait_for(|connected| !connected).await.unwrap();
        Instant::now()
    })
    .await;
    bus.close().await;
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn a_group_is_back_within_five_seconds_after_the_broker_was_killed() {
    assert_back_soon(async |broker| broker.kill().await.unwrap()).await;
}

/// A broker that is stopped ends the pull requests first, and the connection a moment later.
#[tokio::test]
async fn a_group_is_back_within_five_seconds_after_the_broker_was_stopped() {
    assert_back_soon(async |broker| broker.stop().await.unwrap()).await;
}

async fn assert_back_soon(end: impl AsyncFn(&mut Broker)) {
    let mut world = World::new().await;
    let (stop, seen) = (CancellationToken::new(), Seen::default());
    let bus = world.member("saver-1").await;
    let group = bus.group("saver", events::ALL_SUBJECTS);
    let member = group.each(stop.clone(), async |event: &Delivery<TodoEvent>| {
        seen.note(event);
        Ok(())
    });
    during(&stop, [member], async {
        world.add("before").await;
        seen.reach(1).await;
        end(&mut world.broker).await;
        bus.connected()
            .wait_for(|connected| !connected)
            .await
            .unwrap();
        world.broker.restart().await.unwrap();
        let returned = Instant::now();
        world.bus.wait_connected().await;
        world.add("after").await;
        seen.reach(2).await;
        assert!(
            returned.elapsed() < Duration::from_secs(5),
            "{:?}",
            returned.elapsed()
        );
    })
    .await;
    assert_eq!(seen.texts(), ["before", "after"]);
}

/// A link that swallows everything without closing is noticed by the missing heartbeats.
#[tokio::test]
async fn a_group_survives_a_link_that_swallows_everything() {
    let world = World::new().await;
    let link = Link::start(&world.broker.url()).await.unwrap();
    let bus = Bus::connect(&link.url(&world.broker.url()), "tester", "saver-1")
        .await
        .unwrap();
    let (stop, seen) = (CancellationToken::new(), Seen::default());
    let group = bus.group("saver", events::ALL_SUBJECTS);
    let mut working = group.working();
    let member = group.each(stop.clone(), async |event: &Delivery<TodoEvent>| {
        seen.note(event);
        Ok(())
    });
    during(&stop, [member], async {
        world.add("before").await;
        seen.reach(1).await;
        link.stall();
        tokio::time::timeout(SOON, working.wait_for(|working| !working))
            .await
            .unwrap()
            .unwrap();
        world.add("meanwhile").await;
        link.restore().await;
        seen.reach(2).await;
    })
    .await;
}

#[tokio::test]
async fn a_group_whose_consumer_was_deleted_joins_again() {
    let world = World::new().await;
    let (stop, seen) = (CancellationToken::new(), Seen::default());
    let group = world.bus.group("saver", events::ALL_SUBJECTS);
    let mut working = group.working();
    let member = group.each(stop.clone(), async |event: &Delivery<TodoEvent>| {
        seen.note(event);
        Ok(())
    });
    during(&stop, [member], async {
        working.wait_for(|working| *working).await.unwrap();
        let stream = jetstream::new(world.raw.clone())
            .get_stream("TODO")
            .await
            .unwrap();
        stream.delete_consumer("saver").await.unwrap();
        world.add("after").await;
        seen.reach(1).await;
    })
    .await;
}

#[tokio::test]
async fn a_stream_that_was_made_again_is_another_stream_to_its_groups() {
    let world = World::new().await;
    let (stop, positions) = (
        CancellationToken::new(),
        std::cell::RefCell::new(Vec::new()),
    );
    let group = world.bus.group("saver", events::ALL_SUBJECTS);
    let member = group.each(stop.clone(), async |event: &Delivery<TodoEvent>| {
        positions
            .borrow_mut()
            .push((event.origin.sequence, event.origin.position()));
        Ok(())
    });
    let reach = async |count| {
        eventually("the event is seen", SOON, async || {
            let seen = positions.borrow().len();
            if seen == count { Ok(()) } else { Err(seen) }
        })
        .await;
    };
    during(&stop, [member], async {
        world.add("before").await;
        reach(1).await;
        jetstream::new(world.raw.clone())
            .delete_stream("TODO")
            .await
            .unwrap();
        world.bus.ensure_streams(Streams::default()).await.unwrap();
        world.bus.publish(&new_item("after")).await.unwrap();
        reach(2).await;
    })
    .await;
    let positions = positions.into_inner();
    assert_eq!((positions[0].0, positions[1].0), (1, 1));
    assert!(positions[0].1 < positions[1].1);
}

/// It had no pull request open meanwhile, which would have ended with the old stream.
#[tokio::test]
async fn a_member_that_is_held_up_while_the_stream_is_made_again_knows_which_one_it_reads() {
    let world = World::new().await;
    let (seen, stop) = (RefCell::new(Vec::new()), CancellationToken::new());
    let (stop_first, first_ended) = (stop.child_token(), Cell::new(false));
    let (first_back, second_back) = (Cell::new(false), Cell::new(false));
    let handle = async |event: &Delivery<TodoEvent>, back: &Cell<bool>| {
        if !back.get() {
            return Err(away("the database is away"));
        }
        let is_old = String::from_utf8_lossy(event.payload()).contains("old");
        seen.borrow_mut().push((is_old, event.origin.position()));
        Ok(())
    };
    let buses = [world.member("saver-1").await, world.member("saver-2").await];
    let [first, second] = buses.map(|bus| bus.group("saver", events::ALL_SUBJECTS));
    let mut working = [first.working(), second.working()];
    let first = async {
        let handle = async |event: &Delivery<TodoEvent>| handle(event, &first_back).await;
        let ended = first.each(stop_first.clone(), handle).await;
        first_ended.set(true);
        ended
    };
    let handle = async |event: &Delivery<TodoEvent>| handle(event, &second_back).await;
    let second = second.each(stop.clone(), handle);
    during(&stop, [first.boxed_local(), second.boxed_local()], async {
        for working in &mut working {
            working.wait_for(|working| *working).await.unwrap();
        }
        eventually("both are held up and ask for nothing", SOON, async || {
            if working.iter().any(|working| *working.borrow()) {
                world.add("old").await;
                return false;
            }
            world.group_info("saver").await.unwrap().num_waiting == 0
        })
        .await;
        let held_up = tokio::time::Instant::now();
        let jetstream = jetstream::new(world.raw.clone());
        jetstream.delete_stream("TODO").await.unwrap();
        world.bus.ensure_streams(Streams::default()).await.unwrap();
        world.add("new").await;
        // The first creates the group's consumer in the new stream, and leaves.
        first_back.set(true);
        eventually("the new one is handled", SOON, async || {
            let group = world.group_info("saver").await;
            group.is_ok_and(|group| group.ack_floor.stream_sequence == 1)
        })
        .await;
        stop_first.cancel();
        eventually("the first has left", SOON, async || first_ended.get()).await;
        // A member that had a request open within the last second learns of it by the end of that.
        tokio::time::sleep_until(held_up + Duration::from_millis(1100)).await;
        second_back.set(true);
        world.add("newer").await;
        world.settled("saver").await;
    })
    .await;
    let seen = seen.into_inner();
    let positions = |old| {
        let of_these = seen.iter().filter(move |(is_old, _)| *is_old == old);
        of_these.map(|(_, position)| *position)
    };
    assert_eq!(positions(false).count(), 2);
    assert!(positions(true).max() < positions(false).min(), "{seen:?}");
}
