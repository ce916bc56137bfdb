//! Service discovery.

use std::time::Duration;

use bus::{Batches, Bus, Delivery, ExpectedMembers, HandlerError, MemberInfo, Missing};
use events::TodoEvent;
use futures_util::StreamExt;
use testkit::eventually;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::world::{SOON, World, during, later, never};

/// Much longer than a response takes.
const LONG: Duration = Duration::from_secs(8);

/// Connects a client that asks, and is no member that answers.
async fn caller(world: &World) -> Bus {
    let caller = Bus::connect_observer(&world.broker.url(), "caller", "caller-1").await;
    let caller = caller.unwrap();
    caller.wait_connected().await;
    caller
}

fn names(present: &[MemberInfo]) -> Vec<&str> {
    present.iter().map(|one| one.member.as_str()).collect()
}

/// Waits until those members answer, and no others, and returns their responses.
async fn there(caller: &Bus, expected: &[&str]) -> Vec<MemberInfo> {
    let within = Duration::from_millis(300);
    eventually(&format!("{expected:?} answer"), SOON, async || {
        let present = caller.discover(&ExpectedMembers::default(), within).await;
        let present = present.map_err(|error| format!("{error:?}"))?;
        if names(&present) == expected {
            Ok(present)
        } else {
            Err(format!("{present:?}"))
        }
    })
    .await
}

#[tokio::test]
async fn whoever_is_connected_as_a_member_answers_and_no_longer() {
    let mut world = World::new().await;
    let caller = caller(&world).await;
    let second = world.member("tester-2.of.host").await;
    let present = there(&caller, &["tester-1", "tester-2.of.host"]).await;
    assert_eq!(present[0].service, "tester");
    assert_eq!(present[0].version, env!("CARGO_PKG_VERSION"));
    assert!(present[0].work.is_empty());
    world.broker.restart().await.unwrap();
    there(&caller, &["tester-1", "tester-2.of.host"]).await;
    drop(second);
    there(&caller, &["tester-1"]).await;
    world.bus.close().await;
    there(&caller, &[]).await;
}

#[tokio::test]
async fn a_roll_call_ends_when_all_who_are_expected_have_answered() {
    let world = World::new().await;
    let caller = caller(&world).await;
    let _second = world.member("tester-2").await;
    there(&caller, &["tester-1", "tester-2"]).await;
    for expected in [
        ExpectedMembers::default().some("tester", 2),
        ExpectedMembers::default().some("tester", 1),
        ExpectedMembers::default().member("tester", "tester-2"),
    ] {
        let start = Instant::now();
        let present = caller.discover(&expected, LONG).await.unwrap();
        assert!(start.elapsed() < LONG / 2, "{:?}", start.elapsed());
        assert_eq!(names(&present), ["tester-1", "tester-2"], "all are shown");
        assert!(expected.missing(&present).is_empty());
    }
}

#[tokio::test]
async fn whoever_does_not_answer_is_missing_and_keeps_nobody_waiting() {
    let world = World::new().await;
    let caller = caller(&world).await;
    there(&caller, &["tester-1"]).await;
    // This one receives the request and does not respond.
    let _frozen = world.raw.subscribe("$SRV.STATS").await.unwrap();
    let expected = ExpectedMembers::default()
        .some("tester", 2)
        .member("tester", "tester-7");
    let (start, within) = (Instant::now(), Duration::from_millis(300));
    let present = caller.discover(&expected, within).await.unwrap();
    let took = start.elapsed();
    assert!(took >= within && took < within * 5, "{took:?}");
    assert_eq!(names(&present), ["tester-1"]);
    let missing = |member: Option<&str>| Missing {
        service: "tester".to_owned(),
        member: member.map(str::to_owned),
    };
    let expected = expected.missing(&present);
    assert_eq!(expected, [missing(None), missing(Some("tester-7"))]);
}

#[tokio::test]
async fn where_nobody_is_and_where_the_broker_is_away_nobody_waits() {
    let mut world = World::new().await;
    let caller = caller(&world).await;
    world.bus.close().await;
    there(&caller, &[]).await;
    let start = Instant::now();
    let present = caller
        .discover(&ExpectedMembers::default(), LONG)
        .await
        .unwrap();
    assert!(present.is_empty() && start.elapsed() < LONG / 2);
    world.broker.stop().await.unwrap();
    let mut connected = caller.connected();
    connected.wait_for(|connected| !connected).await.unwrap();
    let start = Instant::now();
    let away = caller.discover(&ExpectedMembers::default(), LONG).await;
    assert!(away.is_err() && start.elapsed() < LONG / 2);
}

#[tokio::test]
async fn a_group_tells_what_became_of_its_events_without_a_line_of_its_own() {
    let world = World::new().await;
    let caller = caller(&world).await;
    for item in ["good", "bad", "shaky", "held"] {
        world.add(item).await;
    }
    let stop = CancellationToken::new();
    let go_on = CancellationToken::new();
    let handle = async |batch: &[Delivery<TodoEvent>]| {
        let [event] = batch else { unreachable!() };
        let body = String::from_utf8_lossy(event.payload()).into_owned();
        match body {
            body if body.contains("\"bad\"") => Err(never("no good")),
            body if body.contains("shaky") && event.attempt() == 1 => Err(later("not yet")),
            body if body.contains("held") => {
                go_on.cancelled().await;
                Ok::<(), HandlerError>(())
            }
            _ => Ok(()),
        }
    };
    let two_at_once = Batches {
        size: 1,
        at_once: 2,
        pace: Duration::ZERO,
    };
    let group = world.bus.group("saver", events::ALL_SUBJECTS);
    let member = group.batches(two_at_once, stop.clone(), handle);
    let work = async || {
        let within = Duration::from_millis(100);
        let present = caller.discover(&ExpectedMembers::default(), within).await;
        present.unwrap().remove(0).work
    };
    during(&stop, [member], async {
        eventually("it is told", SOON, async || {
            let work = work().await.remove(0);
            let told = (work.handled, work.retried, work.failed, work.in_flight);
            if told == (2, 1, 1, 1) {
                Ok(())
            } else {
                Err(work)
            }
        })
        .await;
        let told = work().await.remove(0);
        assert_eq!(
            (told.name.as_str(), told.subject.as_str()),
            ("saver", events::ALL_SUBJECTS)
        );
        let error = told.last_error.unwrap();
        assert!(
            error.at.is_some() && error.text.starts_with("not handled this time: not yet")
                || error.text == "cannot be handled: no good",
            "{error:?}"
        );
        go_on.cancel();
        world.settled("saver").await;
    })
    .await;
    let told = work().await;
    let [group, published] = &told[..] else {
        panic!("{told:?}")
    };
    assert_eq!((group.handled, group.in_flight), (3, 0));
    assert!(group.average > Duration::ZERO);
    assert_eq!((published.name.as_str(), published.handled), ("publish", 4));
}

#[tokio::test]
async fn a_service_that_is_not_ours_is_listed_too_and_nonsense_is_not() {
    let world = World::new().await;
    let caller = caller(&world).await;
    world.bus.close().await;
    let mut calls = world.raw.subscribe("$SRV.STATS").await.unwrap();
    // The broker answers in order: from now on it knows the subscription.
    let asked = world.raw.request("$JS.API.INFO", "".into()).await;
    asked.unwrap();
    let foreign = r#"{"type":"io.nats.micro.v1.stats_response","name":"other","id":"X1",
        "version":"2.0.0","metadata":{},"started":"2026-11-20T12:00:00Z","endpoints":[{"name":"e",
        "subject":"s","queue_group":"q","num_requests":5,"num_errors":2,"last_error":"400:no",
        "processing_time":5000,"average_processing_time":1000,"data":"whatever"}]}"#;
    let answering = async {
        let reply = calls.next().await.unwrap().reply.unwrap();
        for answer in ["hello", "{}", foreign, foreign] {
            let sent = world.raw.publish(reply.clone(), answer.into()).await;
            sent.unwrap();
        }
    };
    let expected = ExpectedMembers::default().member("other", "X1");
    let (present, ()) = tokio::join!(caller.discover(&expected, LONG), answering);
    let present = present.unwrap();
    assert_eq!(names(&present), ["X1"]);
    let work = &present[0].work[0];
    assert_eq!((work.handled, work.failed), (3, 2));
    assert_eq!(work.average, Duration::from_micros(1));
    assert_eq!(work.last_error.as_ref().unwrap().text, "400:no");
}
