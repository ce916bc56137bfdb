//! Large events.

use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

use bus::{Batches, Delivery};
use events::TodoEvent;
use testkit::eventually;
use tokio_util::sync::CancellationToken;

use crate::world::{SOON, World, during, new_item};

/// Number of small events that come first: a member requests many at a time then.
const SMALL: u64 = 3000;
const LARGE: u64 = 150;
/// Size of a large one in bytes, of the 1 MiB that it may have.
const SIZE: usize = 950_000;

/// A container of a service has 256 MiB, for all that it does.
#[tokio::test]
async fn of_large_events_a_member_has_few_in_hand_and_handles_all() {
    let world = World::new().await;
    let small: Vec<_> = (0..SMALL).map(|_| new_item("small")).collect();
    world.bus.publish_all(&small).await.unwrap();
    for _ in 0..LARGE {
        let mut event = new_item("large");
        event.body.resize(SIZE, b' ');
        world.bus.publish(&event).await.unwrap();
    }
    let (stop, handled) = (CancellationToken::new(), Cell::new(0));
    let in_hand = RefCell::new(Vec::new());
    let batches = Batches {
        size: 500,
        at_once: 1,
        pace: Duration::ZERO,
    };
    let group = world.bus.group("saver", events::ALL_SUBJECTS);
    let handle = async |batch: &[Delivery<TodoEvent>]| {
        // Until the member requests nothing more, or there is no more.
        let mut before = 0;
        let given = eventually("nothing more comes", SOON, async || {
            let group = world.group_info("saver").await.unwrap();
            let given = group.delivered.stream_sequence;
            let no_more = group.num_waiting == 0 || group.num_pending == 0;
            let still = std::mem::replace(&mut before, given) == given;
            (no_more && still).then_some(given)
        })
        .await;
        in_hand
            .borrow_mut()
            .push(given - handled.get().max(SMALL).min(given));
        handled.set(handled.get() + batch.len() as u64);
        Ok(())
    };
    let member = group.batches(batches, stop.clone(), handle);
    during(&stop, [member], async {
        eventually("all are handled", 3 * SOON, async || {
            let handled = handled.get();
            if handled == SMALL + LARGE {
                Ok(())
            } else {
                Err(handled)
            }
        })
        .await;
        world.settled("saver").await;
    })
    .await;
    let in_hand = in_hand.into_inner();
    assert!(in_hand.iter().all(|large| *large <= 60), "{in_hand:?}");
    // And not one by one.
    assert!(in_hand.iter().any(|large| *large >= 30), "{in_hand:?}");
}
