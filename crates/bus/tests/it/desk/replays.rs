//! Replaying.

use std::cell::Cell;

use async_nats::{HeaderMap, jetstream};
use bus::{Delivery, Streams};
use events::TodoEvent;
use testkit::eventually;
use tokio_util::sync::CancellationToken;

use super::Judge;
use crate::world::{SOON, World, away, during};

#[tokio::test]
async fn a_replayed_event_comes_to_its_group_only_and_reads_as_it_did() {
    let world = World::new().await;
    let (saver, auditor) = (Judge::refusing(), Judge::default());
    let stop = CancellationToken::new();
    let join = |name: &str, judge: &'static Judge| {
        let group = world.bus.group(name, events::ALL_SUBJECTS);
        group.each(stop.clone(), async |event: &Delivery<TodoEvent>| {
            judge.hear(event)
        })
    };
    let (saver, auditor): (&'static Judge, &'static Judge) =
        (Box::leak(Box::new(saver)), Box::leak(Box::new(auditor)));
    let members = [join("saver", saver), join("auditor", auditor)];
    during(&stop, members, async {
        world.add("buy milk").await;
        let letters = world.letters_become(1).await;
        auditor.reach(1).await;
        assert_eq!(letters[0].group, "saver");
        assert_eq!(letters[0].reason, "cannot be handled: the drawer is full");
        saver.refusing.set(false);
        world.desk().await.replay(&letters[0]).await.unwrap();
        saver.reach(2).await;
        world.letters_become(0).await;
    })
    .await;
    let got = saver.got.borrow();
    assert_eq!(got[0], got[1]);
    assert_eq!(auditor.got.borrow().len(), 1);
}

#[tokio::test]
async fn a_replay_that_fails_again_is_a_new_letter_with_the_old_place() {
    let world = World::new().await;
    let (stop, saver) = (CancellationToken::new(), Judge::refusing());
    let group = world.bus.group("saver", events::ALL_SUBJECTS);
    let member = group.each(stop.clone(), async |event: &Delivery<TodoEvent>| {
        saver.hear(event)
    });
    during(&stop, [member], async {
        world.add("buy milk").await;
        let first = world.letters_become(1).await.remove(0);
        world.desk().await.replay(&first).await.unwrap();
        saver.reach(2).await;
        let again = world.letters_become(1).await.remove(0);
        assert!(again.sequence > first.sequence);
        let (first, again) = (first.event.unwrap(), again.event.unwrap());
        assert_eq!(again.origin, first.origin);
        assert_eq!(again.origin.stream.name(), "TODO");
        assert_eq!((again.id, again.subject), (first.id, first.subject));
        assert_eq!(world.messages("REPLAYS").await, 0);
    })
    .await;
}

#[tokio::test]
async fn replaying_a_letter_twice_at_once_has_one_effect() {
    let world = World::new().await;
    let letter = world.refuse("buy milk").await;
    let desk = world.desk().await;
    desk.replay(&letter).await.unwrap();
    // As if the first call had died before it could discard the letter.
    desk.replay(&letter).await.unwrap();
    assert_eq!(world.messages("REPLAYS").await, 1);
    assert!(world.letters(None).await.is_empty());
}

#[tokio::test]
async fn a_replayed_event_keeps_its_place_when_its_stream_was_made_anew() {
    let world = World::new().await;
    let letter = world.refuse("buy milk").await;
    let jetstream = jetstream::new(world.raw.clone());
    jetstream.delete_stream("TODO").await.unwrap();
    world.bus.ensure_streams(Streams::default()).await.unwrap();
    world.desk().await.replay(&letter).await.unwrap();
    let (stop, saver) = (CancellationToken::new(), Judge::default());
    let group = world.bus.group("saver", events::ALL_SUBJECTS);
    let member = group.each(stop.clone(), async |event: &Delivery<TodoEvent>| {
        saver.hear(event)
    });
    during(&stop, [member], saver.reach(1)).await;
    let got = saver.got.borrow();
    assert_eq!(got[0].origin, letter.event.unwrap().origin);
}

/// Other publishers may give an id only by the header that the broker reads.
#[tokio::test]
async fn a_replayed_event_keeps_the_id_that_its_publisher_gave_it() {
    let world = World::new().await;
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Msg-Id", "order-17");
    headers.insert("x-shop", "north");
    let jetstream = jetstream::new(world.raw.clone());
    let body = r#"{"item":"buy milk"}"#;
    let sent = jetstream.publish_with_headers("events.todo.newitem", headers, body.into());
    sent.await.unwrap().await.unwrap();
    let letter = world.refuse_all(1).await.remove(0);
    let event = letter.event.as_ref().unwrap();
    assert_eq!(event.id.as_str(), "order-17");
    assert_eq!(
        event.headers(),
        [("Nats-Msg-Id", "order-17"), ("x-shop", "north")]
    );
    world.desk().await.replay(&letter).await.unwrap();
    let (stop, saver) = (CancellationToken::new(), Judge::default());
    let group = world.bus.group("saver", events::ALL_SUBJECTS);
    let member = group.each(stop.clone(), async |event: &Delivery<TodoEvent>| {
        saver.hear(event)
    });
    during(&stop, [member], saver.reach(1)).await;
    assert_eq!(saver.got.borrow()[0].id, "order-17");
}

/// A handler of events one by one may rely on it.
#[tokio::test]
async fn a_replay_is_not_handled_beside_an_event() {
    let world = World::new().await;
    let letter = world.refuse("buy milk").await;
    for n in 0..50 {
        world.add(&format!("item {n}")).await;
    }
    world.desk().await.replay(&letter).await.unwrap();
    let (stop, saver, busy) = (CancellationToken::new(), Judge::default(), Cell::new(false));
    let overlaps = Cell::new(0);
    let group = world.bus.group("saver", events::ALL_SUBJECTS);
    let member = group.each(stop.clone(), async |event: &Delivery<TodoEvent>| {
        if busy.replace(true) {
            overlaps.update(|overlaps| overlaps + 1);
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        busy.set(false);
        saver.hear(event)
    });
    during(&stop, [member], saver.reach(51)).await;
    assert_eq!(overlaps.get(), 0);
}

#[tokio::test]
async fn an_outage_holds_up_replays_too() {
    let world = World::new().await;
    let letter = world.refuse("buy milk").await;
    let (stop, saver, back) = (CancellationToken::new(), Judge::default(), Cell::new(false));
    let tries = Cell::new(0);
    let group = world.bus.group("saver", events::ALL_SUBJECTS);
    let working = group.working();
    let member = group.each(stop.clone(), async |event: &Delivery<TodoEvent>| {
        tries.update(|tries| tries + 1);
        if !back.get() {
            return Err(away("the database is away"));
        }
        saver.hear(event)
    });
    during(&stop, [member], async {
        world.desk().await.replay(&letter).await.unwrap();
        eventually("it was tried three times", SOON, async || tries.get() >= 3).await;
        eventually("the group works", SOON, async || *working.borrow()).await;
        assert!(world.letters(None).await.is_empty());
        back.set(true);
        saver.reach(1).await;
    })
    .await;
}
