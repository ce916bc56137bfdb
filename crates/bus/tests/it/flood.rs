//! Many bad events at once.

use std::{collections::BTreeSet, time::Duration};

use async_nats::{HeaderMap, Message, Subscriber, jetstream};
use bus::{Batches, Delivery, Streams};
use events::TodoEvent;
use futures_util::StreamExt;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::world::{SOON, Seen, World, during};

const BATCHES: Batches = Batches {
    size: 150,
    at_once: 2,
    pace: Duration::ZERO,
};

/// Publishes bad events, with a good one after every tenth.
async fn publish_bad(world: &World, count: usize) {
    for n in 0..count {
        world.publish_raw("events.todo.newitem", "no json").await;
        if n % 10 == 9 {
            world.add("good").await;
        }
    }
}

/// A stream of dead letters that takes its time: it confirms one when the test says so.
struct SlowStream<'w> {
    world: &'w World,
    coming: Subscriber,
}

impl<'w> SlowStream<'w> {
    /// Takes the place of the real one.
    async fn instead(world: &'w World) -> Self {
        let jetstream = jetstream::new(world.raw.clone());
        jetstream.delete_stream("DEAD_LETTERS").await.unwrap();
        let coming = world.raw.subscribe("dead.>").await.unwrap();
        world.raw.flush().await.unwrap();
        Self { world, coming }
    }

    async fn next(&mut self) -> Message {
        let letter = timeout(SOON, self.coming.next()).await;
        letter.expect("a dead letter comes").unwrap()
    }

    async fn confirm(&self, letter: Message) {
        let stored = r#"{"stream":"DEAD_LETTERS","seq":1}"#;
        let reply = letter.reply.unwrap();
        self.world.raw.publish(reply, stored.into()).await.unwrap();
    }
}

fn sequence(headers: &HeaderMap) -> u64 {
    let sequence = headers.get("Dead-Sequence").unwrap();
    sequence.as_str().parse().unwrap()
}

#[tokio::test]
async fn bad_events_hold_up_no_good_ones_while_they_are_buried() {
    let world = World::new().await;
    publish_bad(&world, 60).await;
    let mut stream = SlowStream::instead(&world).await;
    let (stop, seen) = (CancellationToken::new(), Seen::default());
    let group = world.bus.group("saver", events::ALL_SUBJECTS);
    let handle = async |batch: &[Delivery<TodoEvent>]| {
        for event in batch {
            seen.note(event);
        }
        Ok(())
    };
    let member = group.batches(BATCHES, stop.clone(), handle);
    let buried = during(&stop, [member], async {
        // No dead letter is stored before: a member that waits for that gives up after a while, and tries
        // again.
        seen.reach(6).await;
        let mut buried = Vec::new();
        while buried.len() < 60 {
            let letter = stream.next().await;
            buried.push(sequence(letter.headers.as_ref().unwrap()));
            stream.confirm(letter).await;
        }
        world.settled("saver").await;
        buried
    })
    .await;
    let each: BTreeSet<_> = buried.iter().collect();
    assert_eq!(each.len(), 60, "burying was tried again");
}

#[tokio::test]
async fn a_member_buries_no_more_at_a_time_than_it_would_have_in_hand() {
    let world = World::new().await;
    publish_bad(&world, 200).await;
    let mut stream = SlowStream::instead(&world).await;
    let (stop, seen) = (CancellationToken::new(), Seen::default());
    let group = world.bus.group("saver", events::ALL_SUBJECTS);
    let member = group.each(stop.clone(), async |event: &Delivery<TodoEvent>| {
        seen.note(event);
        Ok(())
    });
    during(&stop, [member], async {
        for _ in 0..5 {
            let mut letters = Vec::new();
            while letters.len() < 30 {
                letters.push(stream.next().await);
            }
            let group = world.group_info("saver").await.unwrap();
            assert!(group.num_ack_pending <= 30, "{}", group.num_ack_pending);
            for letter in letters {
                stream.confirm(letter).await;
            }
        }
        drop(stream);
        // Letters that were in flight come again, to the real stream.
        world.bus.ensure_streams(Streams::default()).await.unwrap();
        world.settled("saver").await;
    })
    .await;
    assert_eq!(seen.len(), 20);
}

#[tokio::test]
async fn of_many_bad_events_each_becomes_one_dead_letter() {
    let world = World::new().await;
    publish_bad(&world, 300).await;
    let (stop, seen) = (CancellationToken::new(), Seen::default());
    let group = world.bus.group("saver", events::ALL_SUBJECTS);
    let member = group.each(stop.clone(), async |event: &Delivery<TodoEvent>| {
        seen.note(event);
        Ok(())
    });
    during(&stop, [member], async {
        seen.reach(30).await;
        world.settled("saver").await;
    })
    .await;
    assert_eq!(seen.len(), 30);
    let letters = world.dead_letters().await;
    let each: BTreeSet<_> = letters
        .iter()
        .map(|letter| sequence(&letter.headers))
        .collect();
    assert_eq!((letters.len(), each.len()), (300, 300));
}
