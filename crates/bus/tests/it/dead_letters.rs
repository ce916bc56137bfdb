//! Dead letters: an event that a group gives up on is kept, and holds up nothing.

use std::time::Duration;

use async_nats::{HeaderMap, jetstream};
use bus::{Delivery, RetryPolicy};
use events::TodoEvent;
use tokio_util::sync::CancellationToken;

use crate::world::{Seen, World, during, later};

async fn run_saver(world: &World, good: usize) -> Seen {
    let (stop, seen) = (CancellationToken::new(), Seen::default());
    let group = world.bus.group("saver", events::ALL_SUBJECTS);
    let member = group.each(stop.clone(), async |event: &Delivery<TodoEvent>| {
        seen.note(event);
        Ok(())
    });
    during(&stop, [member], async {
        seen.reach(good).await;
        world.settled("saver").await;
    })
    .await;
    seen
}

#[tokio::test]
async fn what_is_no_event_becomes_a_dead_letter_and_the_rest_goes_on() {
    let world = World::new().await;
    world.add("before").await;
    world.publish_raw("events.todo.newitem", "no json").await;
    world
        .publish_raw("events.todo.newitem", r#"{"item":7}"#)
        .await;
    world
        .publish_raw("events.todo.itemeaten", r#"{"item":"a"}"#)
        .await;
    world
        .publish_raw("events.todo.newitem", vec![b'x'; 900_000])
        .await;
    world.add("after").await;
    let seen = run_saver(&world, 2).await;
    assert_eq!(seen.texts(), ["before", "after"]);
    let letters = world.dead_letters().await;
    let mut reasons: Vec<_> = letters
        .iter()
        .map(|letter| {
            let header = |name: &str| letter.headers.get(name).unwrap().as_str().to_owned();
            (
                header("Dead-Sequence"),
                header("Dead-Reason"),
                letter.payload.len(),
            )
        })
        .collect();
    reasons.sort();
    let expected = [
        (
            "2",
            "the body is no NewItem: it is not JSON: expected ident at line 1 column 2",
            7,
        ),
        (
            "3",
            "the body is no NewItem: found integer, expected a string at line 1 column 9",
            10,
        ),
        ("4", "unknown subject `events.todo.itemeaten`", 12),
        (
            "5",
            "the body is no NewItem: it is not JSON: expected value at line 1 column 1",
            900_000,
        ),
    ];
    let expected = expected.map(|(sequence, reason, size)| (sequence.into(), reason.into(), size));
    assert_eq!(reasons, expected);
}

#[tokio::test]
async fn a_dead_letter_keeps_everything_that_is_known() {
    let world = World::new().await;
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Msg-Id", "order-17");
    headers.insert("ce-id", "order-17");
    headers.insert("x-shop", "north");
    let jetstream = jetstream::new(world.raw.clone());
    let published =
        jetstream.publish_with_headers("events.todo.newitem", headers, r#"{"item":""}"#.into());
    published.await.unwrap().await.unwrap();
    run_saver(&world, 0).await;
    let letters = world.dead_letters().await;
    let [letter] = &letters[..] else {
        panic!("{} letters", letters.len())
    };
    assert_eq!(letter.subject.as_str(), "dead.saver");
    assert_eq!(&letter.payload[..], br#"{"item":""}"#);
    let header = |name: &str| {
        letter
            .headers
            .get(name)
            .map(|value| value.as_str().to_owned())
    };
    let expected = [
        ("Dead-Group", "saver"),
        ("Dead-Member", "tester-1"),
        (
            "Dead-Reason",
            "the body is no NewItem: must not be empty or blank at line 1 column 11",
        ),
        ("Dead-Attempts", "1"),
        ("Dead-Subject", "events.todo.newitem"),
        ("Dead-Stream", "TODO"),
        ("Dead-Sequence", "1"),
        ("Dead-Order-Msg-Id", "order-17"),
        ("ce-id", "order-17"),
        ("x-shop", "north"),
    ];
    for (name, value) in expected {
        assert_eq!(header(name).as_deref(), Some(value), "{name}");
    }
    assert!(header("Dead-Stored-At").is_some() && header("Dead-At").is_some());
}

#[tokio::test]
async fn an_event_that_keeps_failing_is_given_up_with_its_reason() {
    let world = World::new().await;
    world.add("hopeless").await;
    let (stop, seen) = (CancellationToken::new(), Seen::default());
    let quick = RetryPolicy {
        max_attempts: 3,
        initial_backoff: Duration::from_millis(10),
        max_backoff: Duration::from_millis(20),
    };
    let group = world
        .bus
        .group("saver", events::ALL_SUBJECTS)
        .retry_policy(quick);
    let member = group.each(stop.clone(), async |event: &Delivery<TodoEvent>| {
        seen.note(event);
        Err(later("the printer is on fire"))
    });
    during(&stop, [member], async {
        seen.reach(3).await;
        world.settled("saver").await;
    })
    .await;
    assert_eq!(seen.attempts(), [1, 2, 3]);
    let letters = world.dead_letters().await;
    assert_eq!(letters.len(), 1);
    let reason = letters[0].headers.get("Dead-Reason").unwrap().as_str();
    assert_eq!(reason, "not handled this time: the printer is on fire");
    assert_eq!(
        letters[0].headers.get("Dead-Attempts").unwrap().as_str(),
        "3"
    );
}

/// A member that dies between storing a dead letter and settling the event leaves it to another. In a
/// soak of half an hour under outage upon outage, more than two minutes passed between the two.
#[tokio::test]
async fn a_dead_letter_that_is_stored_again_within_an_hour_is_the_same() {
    let world = World::new().await;
    let jetstream = jetstream::new(world.raw.clone());
    let stream = jetstream.get_stream("DEAD_LETTERS").await.unwrap();
    let window = stream.cached_info().config.duplicate_window;
    assert_eq!(window, Duration::from_hours(1));
}
