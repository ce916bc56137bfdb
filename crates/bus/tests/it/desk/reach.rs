//! The oldest event that may still be delivered to a group.

use async_nats::jetstream;
use events::Position;

use crate::world::World;

impl World {
    /// From where on events may come to a group.
    async fn first(&self, group: &str) -> Position {
        self.bus.reach(group).await.unwrap().first
    }
}

#[tokio::test]
async fn what_is_stored_begins_with_the_oldest_event_of_the_stream_of_a_letter_or_of_a_replay() {
    let world = World::new().await;
    // The first one is a letter.
    let letter = world.refuse("buy milk").await;
    for item in ["buy eggs", "buy bread"] {
        world.add(item).await;
    }
    let reach = world.bus.reach("saver").await.unwrap();
    let dead = letter.event.as_ref().unwrap().origin.clone();
    let at = |sequence| dead.stream.position(sequence);
    assert_eq!((reach.first, reach.last), (at(1), at(3)));

    let jetstream = jetstream::new(world.raw.clone());
    let todo = jetstream.get_stream("TODO").await.unwrap();
    todo.purge().sequence(3).await.unwrap();
    assert_eq!(world.first("saver").await, at(1));
    assert_eq!(world.first("printer").await, at(3), "it has no letters");
    world.desk().await.replay(&letter).await.unwrap();
    assert_eq!(world.messages("DEAD_LETTERS").await, 0);
    assert_eq!(world.first("saver").await, at(1));
    let replays = jetstream.get_stream("REPLAYS").await.unwrap();
    replays.purge().await.unwrap();
    assert_eq!(world.first("saver").await, at(3));

    // Of an empty stream, the next event is the first.
    todo.purge().await.unwrap();
    let reach = world.bus.reach("saver").await.unwrap();
    assert_eq!((reach.first, reach.last), (at(4), at(3)));
}
