//! Settling: the fate of an event after it was handled or failed.

use std::{cell::RefCell, time::Duration};

use bus::{Batches, Delivery, RetryPolicy};
use events::TodoEvent;
use tokio_util::sync::CancellationToken;

use crate::world::{Seen, World, during, later, never};

const QUICK: RetryPolicy = RetryPolicy {
    max_attempts: 3,
    initial_backoff: Duration::from_millis(20),
    max_backoff: Duration::from_millis(50),
};

#[tokio::test]
async fn an_event_that_fails_comes_again_until_it_works() {
    let world = World::new().await;
    world.add("stubborn").await;
    world.add("easy").await;
    let (stop, seen) = (CancellationToken::new(), Seen::default());
    let group = world
        .bus
        .group("saver", events::ALL_SUBJECTS)
        .retry_policy(QUICK);
    let member = group.each(stop.clone(), async |event: &Delivery<TodoEvent>| {
        seen.note(event);
        let first = seen.texts().len() == 1;
        if first { Err(later("not yet")) } else { Ok(()) }
    });
    during(&stop, [member], async {
        seen.reach(3).await;
        world.settled("saver").await;
    })
    .await;
    assert_eq!(seen.texts(), ["stubborn", "easy", "stubborn"]);
    assert_eq!(seen.attempts(), [1, 1, 2]);
    assert!(world.dead_letters().await.is_empty());
}

#[tokio::test]
async fn a_panic_counts_as_a_failure_and_the_member_goes_on() {
    let world = World::new().await;
    world.add("bomb").await;
    world.add("flower").await;
    let (stop, seen) = (CancellationToken::new(), Seen::default());
    let group = world
        .bus
        .group("saver", events::ALL_SUBJECTS)
        .retry_policy(QUICK);
    let member = group.each(stop.clone(), async |event: &Delivery<TodoEvent>| {
        seen.note(event);
        assert!(seen.len() > 1, "boom");
        Ok(())
    });
    during(&stop, [member], async {
        seen.reach(3).await;
        world.settled("saver").await;
    })
    .await;
    assert_eq!(seen.texts(), ["bomb", "flower", "bomb"]);
}

#[tokio::test]
async fn one_bad_event_fails_alone_and_the_rest_of_its_batch_is_done() {
    let world = World::new().await;
    for n in 0..100 {
        world.add(&format!("item {n}")).await;
    }
    let (stop, done) = (CancellationToken::new(), RefCell::new(Vec::new()));
    let group = world.bus.group("saver", events::ALL_SUBJECTS);
    let batches = Batches {
        size: 100,
        at_once: 1,
        pace: Duration::from_millis(3),
    };
    let member = group.batches(
        batches,
        stop.clone(),
        async |batch: &[Delivery<TodoEvent>]| {
            if batch.iter().any(|event| event.origin.sequence == 37) {
                return Err(never("row 37 is bad"));
            }
            done.borrow_mut()
                .extend(batch.iter().map(|event| event.origin.sequence));
            Ok(())
        },
    );
    during(&stop, [member], async {
        testkit::eventually("the rest is done", Duration::from_secs(10), async || {
            let done = done.borrow().len();
            if done == 99 { Ok(()) } else { Err(done) }
        })
        .await;
        world.settled("saver").await;
    })
    .await;
    let letters = world.dead_letters().await;
    assert_eq!(letters.len(), 1);
    assert_eq!(
        letters[0].headers.get("Dead-Sequence").unwrap().as_str(),
        "37"
    );
}

#[tokio::test]
async fn stopping_leaves_nothing_behind_that_another_member_has_to_wait_for() {
    let world = World::new().await;
    let (stop, first) = (CancellationToken::new(), Seen::default());
    let group = world.bus.group("saver", events::ALL_SUBJECTS);
    let member = group.each(stop.clone(), async |event: &Delivery<TodoEvent>| {
        first.note(event);
        tokio::time::sleep(Duration::from_millis(1)).await;
        Ok(())
    });
    during(&stop, [member], async {
        for n in 0..500 {
            world.add(&format!("item {n}")).await;
        }
        first.reach(100).await;
    })
    .await;
    assert_eq!(world.group_info("saver").await.unwrap().num_ack_pending, 0);
    let (stop, second) = (CancellationToken::new(), Seen::default());
    let group = world.bus.group("saver", events::ALL_SUBJECTS);
    let member = group.each(stop.clone(), async |event: &Delivery<TodoEvent>| {
        second.note(event);
        Ok(())
    });
    during(&stop, [member], world.settled("saver")).await;
    assert_eq!(first.len() + second.len(), 500);
}

#[tokio::test]
async fn an_idle_member_stops_when_its_requests_have_ended() {
    let world = World::new().await;
    let stop = CancellationToken::new();
    let group = world.bus.group("saver", events::ALL_SUBJECTS);
    let mut working = group.working();
    let member = group.each(stop.clone(), async |_: &Delivery<TodoEvent>| Ok(()));
    let started = during(&stop, [member], async {
        working.wait_for(|working| *working).await.unwrap();
        std::time::Instant::now()
    })
    .await;
    assert!(
        started.elapsed() < Duration::from_secs(2),
        "{:?}",
        started.elapsed()
    );
}
