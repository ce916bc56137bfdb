//! Groups: members share, groups do not.

use std::{cell::RefCell, collections::BTreeSet, time::Duration};

use bus::{Batches, Bus, Delivery, HandlerError};
use events::TodoEvent;
use futures_util::StreamExt;
use tokio_util::sync::CancellationToken;

use crate::world::{Seen, World, during, saved};

const BATCHES: Batches = Batches {
    size: 1000,
    at_once: 2,
    pace: Duration::from_millis(3),
};

#[tokio::test]
async fn a_group_that_comes_late_gets_every_event_since_the_first() {
    let world = World::new().await;
    for n in 0..5 {
        world.add(&format!("item {n}")).await;
    }
    let (stop, seen) = (CancellationToken::new(), Seen::default());
    let member = world
        .bus
        .group("audit", events::ALL_SUBJECTS)
        .each(stop.clone(), async |event| {
            seen.note(event);
            Ok(())
        });
    during(&stop, [member], seen.reach(5)).await;
    assert_eq!(
        seen.texts(),
        ["item 0", "item 1", "item 2", "item 3", "item 4"]
    );
}

#[tokio::test]
async fn every_group_gets_every_event() {
    let world = World::new().await;
    let (stop, savers, auditors) = (CancellationToken::new(), Seen::default(), Seen::default());
    let join = |name, seen: &'static Seen| {
        let group = world.bus.group(name, events::ALL_SUBJECTS);
        group.each(stop.clone(), async move |event: &Delivery<TodoEvent>| {
            seen.note(event);
            Ok(())
        })
    };
    let (savers, auditors): (&'static Seen, &'static Seen) =
        (Box::leak(Box::new(savers)), Box::leak(Box::new(auditors)));
    during(
        &stop,
        [join("saver", savers), join("auditor", auditors)],
        async {
            for n in 0..10 {
                world.add(&format!("item {n}")).await;
            }
            savers.reach(10).await;
            auditors.reach(10).await;
        },
    )
    .await;
    assert_eq!((savers.len(), auditors.len()), (10, 10));
}

/// Each item that is added is followed by one that is saved. Members that were served strictly in
/// turn would fall into step with that: with two, one would save everything.
async fn shares(members: usize) -> Vec<usize> {
    let world = World::new().await;
    let stop = CancellationToken::new();
    let mut connections = Vec::new();
    for n in 0..members {
        connections.push(world.member(&format!("saver-{n}")).await);
    }
    let counts = RefCell::new(vec![0; members]);
    let work = |(n, bus): (usize, &Bus)| {
        let (bus, counts) = (bus.clone(), &counts);
        let group = bus.group("saver", events::ALL_SUBJECTS);
        group.batches(
            BATCHES,
            stop.clone(),
            async move |batch: &[Delivery<TodoEvent>]| {
                for announcement in batch.iter().filter_map(saved) {
                    bus.publish(&announcement)
                        .await
                        .map_err(|error| HandlerError::Unavailable(error.into()))?;
                    counts.borrow_mut()[n] += 1;
                }
                Ok(())
            },
        )
    };
    during(&stop, connections.iter().enumerate().map(work), async {
        // The group's consumer is there when its members are.
        world.add("first").await;
        testkit::eventually("the first is saved", Duration::from_secs(5), async || {
            let saved: usize = counts.borrow().iter().sum();
            if saved == 1 { Ok(()) } else { Err(saved) }
        })
        .await;
        for n in 1..60 {
            world.add(&format!("item {n}")).await;
            testkit::eventually("one more is saved", Duration::from_secs(5), async || {
                let saved: usize = counts.borrow().iter().sum();
                if saved == n + 1 { Ok(()) } else { Err(saved) }
            })
            .await;
        }
        world.settled("saver").await;
    })
    .await;
    counts.into_inner()
}

#[tokio::test]
async fn two_members_share_items_that_come_one_by_one() {
    let shares = shares(2).await;
    assert_eq!(shares.iter().sum::<usize>(), 60);
    assert!(shares.iter().all(|share| *share >= 15), "{shares:?}");
}

#[tokio::test]
async fn three_members_share_items_that_come_one_by_one() {
    let shares = shares(3).await;
    assert_eq!(shares.iter().sum::<usize>(), 60);
    assert!(shares.iter().all(|share| *share >= 10), "{shares:?}");
}

#[tokio::test]
async fn a_backlog_is_worked_off_in_large_batches_and_each_event_once() {
    let world = World::new().await;
    let items = 5_000;
    let publish = (0..items).map(|n| world.add_owned(format!("item {n}")));
    futures_util::stream::iter(publish)
        .buffer_unordered(256)
        .collect::<()>()
        .await;
    let (stop, seen, largest) = (
        CancellationToken::new(),
        RefCell::new(Vec::new()),
        RefCell::new(0),
    );
    let group = world.bus.group("saver", events::ALL_SUBJECTS);
    let member = group.batches(
        BATCHES,
        stop.clone(),
        async |batch: &[Delivery<TodoEvent>]| {
            largest.replace_with(|largest| batch.len().max(*largest));
            seen.borrow_mut()
                .extend(batch.iter().map(|event| event.origin.sequence));
            Ok(())
        },
    );
    during(&stop, [member], world.settled_after(items, &seen, "saver")).await;
    let distinct: BTreeSet<_> = seen.borrow().iter().copied().collect();
    assert_eq!((seen.borrow().len(), distinct.len()), (items, items));
    assert!(
        *largest.borrow() >= 50,
        "the largest batch had {}",
        largest.borrow()
    );
}

impl World {
    async fn add_owned(&self, item: String) {
        self.add(&item).await;
    }

    async fn settled_after(&self, count: usize, seen: &RefCell<Vec<u64>>, group: &str) {
        testkit::eventually("everything is seen", Duration::from_secs(20), async || {
            let seen = seen.borrow().len();
            if seen >= count { Ok(()) } else { Err(seen) }
        })
        .await;
        self.settled(group).await;
    }
}
