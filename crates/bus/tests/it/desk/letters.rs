//! Listing, letters of events that the broker gave up on, and discarding.

use async_nats::{HeaderMap, jetstream};
use bus::{DeadLetterError, Delivery};
use events::TodoEvent;
use testkit::eventually;
use tokio_util::sync::CancellationToken;

use super::Judge;
use crate::world::{SOON, World, during};

#[tokio::test]
async fn a_letter_whose_group_takes_no_replays_is_kept() {
    let world = World::new().await;
    let letter = world.refuse("buy milk").await;
    let jetstream = jetstream::new(world.raw.clone());
    let replays = jetstream.get_stream("REPLAYS").await.unwrap();
    replays.delete_consumer("saver").await.unwrap();
    let refused = world.desk().await.replay(&letter).await.unwrap_err();
    assert!(
        matches!(refused, DeadLetterError::NobodyThere(_)),
        "{refused}"
    );
    assert_eq!(world.letters(None).await.len(), 1);
}

#[tokio::test]
async fn letters_are_listed_by_group_counted_and_discarded() {
    let world = World::new().await;
    assert_eq!(world.bus.dead_letters_state().await.unwrap().oldest, None);
    for n in 0..3 {
        world.add(&format!("item {n}")).await;
    }
    world.refuse_all(3).await;
    world
        .publish_raw("dead.printer", "what a stranger left here")
        .await;
    let state = world.bus.dead_letters_state().await.unwrap();
    assert_eq!(state.count, 4);
    let age = time::OffsetDateTime::now_utc() - state.oldest.unwrap();
    assert!(age < SOON, "{age}");
    let savers = world.letters(Some("saver")).await;
    assert_eq!(
        savers
            .iter()
            .map(|letter| letter.sequence)
            .collect::<Vec<_>>(),
        [1, 2, 3]
    );
    let strangers = world.letters(Some("printer")).await;
    assert_eq!(strangers[0].group, "printer");
    let unknown = strangers[0].event.as_ref().unwrap_err();
    assert_eq!(unknown, "the letter does not say which event it was");
    let desk = world.desk().await;
    desk.discard(&savers[1]).await.unwrap();
    desk.discard(&savers[1]).await.unwrap();
    assert!(desk.get(2).await.unwrap().is_none());
    let left: Vec<_> = world
        .letters(None)
        .await
        .iter()
        .map(|letter| letter.sequence)
        .collect();
    assert_eq!(left, [1, 3, 4]);
}

/// Members of other makes may have max deliveries at the broker.
#[tokio::test]
async fn what_the_broker_gave_up_on_is_a_letter_that_points_at_the_event() {
    let world = World::new().await;
    let id = world.add("buy milk").await;
    world.have_broker_give_up("printer").await;
    let letters = world.letters_become(1).await;
    let letter = &letters[0];
    assert_eq!(
        (letter.group.as_str(), letter.attempts, &letter.member),
        ("printer", 2, &None)
    );
    assert_eq!(letter.reason, "delivered 2 times without being settled");
    assert_eq!(letter.event.as_ref().unwrap().id, id);
    assert_eq!(world.letters(Some("printer")).await.len(), 1);
    // The broker may send the advisory again.
    let desk = world.desk().await;
    let jetstream = jetstream::new(world.raw.clone());
    let stored = jetstream.get_stream("DEAD_LETTERS").await.unwrap();
    let advisory = stored.get_raw_message(letter.sequence).await.unwrap();
    world.publish_raw(&advisory.subject, advisory.payload).await;
    assert_eq!(world.messages("DEAD_LETTERS").await, 2);
    assert_eq!(world.letters(None).await.len(), 1);
    // A group that takes replays gets the event itself.
    let (stop, printer) = (CancellationToken::new(), Judge::default());
    let group = world.bus.group("printer", "events.todo.itemcompleted");
    let group = group.each(stop.clone(), async |event: &Delivery<TodoEvent>| {
        printer.hear(event)
    });
    let todo = jetstream.get_stream("TODO").await.unwrap();
    todo.delete_consumer("printer").await.unwrap();
    during(&stop, [group], async {
        eventually("replays are taken", SOON, async || {
            desk.replay(letter).await
        })
        .await;
        printer.reach(1).await;
    })
    .await;
    assert_eq!(printer.got.borrow()[0].id, id.to_string());
    assert_eq!(world.messages("DEAD_LETTERS").await, 0);
}

#[tokio::test]
async fn a_letter_of_an_earlier_release_is_completed_from_the_stream() {
    let world = World::new().await;
    let id = world.add("buy milk").await;
    let mut headers = HeaderMap::new();
    headers.insert("Dead-Group", "saver");
    headers.insert("Dead-Sequence", "1");
    let jetstream = jetstream::new(world.raw.clone());
    let sent = jetstream.publish_with_headers("dead.saver", headers, "whatever".into());
    sent.await.unwrap().await.unwrap();
    let letter = world.letters(None).await.remove(0);
    assert_eq!(letter.event.unwrap().id, id);
}

#[tokio::test]
async fn a_letter_that_points_at_an_event_which_is_no_longer_stored_says_so() {
    let world = World::new().await;
    world.add("buy milk").await;
    world.have_broker_give_up("printer").await;
    world.letters_become(1).await;
    let jetstream = jetstream::new(world.raw.clone());
    let todo = jetstream.get_stream("TODO").await.unwrap();
    todo.purge().await.unwrap();
    let letter = world.letters(None).await.remove(0);
    assert_eq!(
        letter.event.as_ref().unwrap_err(),
        "TODO has no event at sequence 1 any more"
    );
    let desk = world.desk().await;
    let refused = desk.replay(&letter).await.unwrap_err();
    assert!(matches!(refused, DeadLetterError::Unknown(_)), "{refused}");
    desk.discard(&letter).await.unwrap();
    assert!(world.letters(None).await.is_empty());
}
