//! The streams, and the broker's answers when they are created and changed.

use std::{cell::RefCell, fs, time::Duration};

use async_nats::jetstream::{self, stream::Config};
use bus::{Bus, Delivery, Streams};
use events::{Position, StreamIdentity, TodoEvent};
use testkit::{Broker, BrokerOptions, eventually, install::Version};
use tokio_util::sync::CancellationToken;

use crate::world::{SOON, Seen, World, during, new_item};

#[tokio::test]
async fn streams_are_made_once_and_keep_what_they_have() {
    let world = World::new().await;
    world.add("a").await;
    world.bus.ensure_streams(Streams::default()).await.unwrap();
    let stream = jetstream::new(world.raw.clone())
        .get_stream("TODO")
        .await
        .unwrap();
    assert_eq!(stream.cached_info().state.messages, 1);
    assert_eq!(stream.cached_info().config.subjects, ["events.todo.>"]);
}

#[tokio::test]
async fn a_stream_of_an_earlier_release_is_brought_to_todays_settings() {
    let broker = Broker::start(BrokerOptions::default()).await.unwrap();
    let raw = async_nats::connect(broker.url()).await.unwrap();
    let old = Config {
        name: "TODO".to_owned(),
        subjects: vec!["events.todo.newitem".to_owned()],
        ..Config::default()
    };
    jetstream::new(raw.clone())
        .create_stream(old)
        .await
        .unwrap();
    let bus = Bus::connect(&broker.url(), "tester", "tester-1")
        .await
        .unwrap();
    bus.ensure_streams(Streams::default()).await.unwrap();
    let stream = jetstream::new(raw).get_stream("TODO").await.unwrap();
    assert_eq!(stream.cached_info().config.subjects, ["events.todo.>"]);
}

#[tokio::test]
async fn settings_that_the_broker_does_not_take_fail_the_start_by_name() {
    let broker = Broker::start(BrokerOptions::default()).await.unwrap();
    let bus = Bus::connect(&broker.url(), "tester", "tester-1")
        .await
        .unwrap();
    let refused = bus
        .ensure_streams(Streams {
            replicas: 3,
            ..Streams::default()
        })
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("`TODO`"), "{refused}");
}

/// Starts a broker that may reserve 8 GiB, for streams that take 1¾ of the limit together.
async fn with_limit(limit_gib: u64) -> (Broker, Bus, Streams) {
    let broker = Broker::start(BrokerOptions::default()).await.unwrap();
    let bus = Bus::connect(&broker.url(), "tester", "tester-1")
        .await
        .unwrap();
    let streams = Streams {
        limit: limit_gib << 30,
        ..Streams::default()
    };
    (broker, bus, streams)
}

#[tokio::test]
async fn dead_letters_and_notes_are_kept_as_long_as_is_asked_for_also_where_the_streams_are_there()
{
    let world = World::new().await;
    let jetstream = jetstream::new(world.raw.clone());
    let kept = async || {
        let mut kept = Vec::new();
        for stream in ["DEAD_LETTERS", "REPLAYS", "LEDGER", "TODO"] {
            let stream = jetstream.get_stream(stream).await.unwrap();
            kept.push(stream.cached_info().config.max_age.as_secs() / 3600);
        }
        kept
    };
    assert_eq!(kept().await, [90 * 24, 90 * 24, 24, 7 * 24]);
    let shorter = Streams {
        dead_letters_kept: Duration::from_hours(48),
        notes_kept: Duration::from_hours(1),
        ..Streams::default()
    };
    world.bus.ensure_streams(shorter).await.unwrap();
    assert_eq!(kept().await, [48, 48, 1, 7 * 24]);
}

#[tokio::test]
async fn streams_that_are_there_need_no_room_beside_their_own() {
    let (_broker, bus, streams) = with_limit(4).await;
    bus.ensure_streams(streams).await.unwrap();
    bus.ensure_streams(streams).await.unwrap();
}

#[tokio::test]
async fn a_broker_that_has_too_little_room_is_not_waited_for() {
    let (_broker, bus, streams) = with_limit(6).await;
    let refused = bus.ensure_streams(streams).await.unwrap_err();
    assert!(!refused.is_passing(), "{refused}");
    assert!(refused.to_string().contains("`DEAD_LETTERS`"), "{refused}");
}

/// A broker that takes messages of so many bytes.
async fn taking(payload: &str) -> (Broker, Bus) {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("payload.conf");
    fs::write(&config, format!("max_payload: {payload}\n")).unwrap();
    let options = BrokerOptions {
        config: Some(config),
        ..BrokerOptions::default()
    };
    let broker = Broker::start(options).await.unwrap();
    let bus = Bus::connect(&broker.url(), "tester", "tester-1").await;
    (broker, bus.unwrap())
}

/// It would refuse events, or the dead letters that they become, for ever.
#[tokio::test]
async fn a_broker_that_takes_small_messages_only_is_refused_by_name() {
    let (_broker, bus) = taking("8KB").await;
    let error = bus.ensure_streams(Streams::default()).await.unwrap_err();
    assert!(!error.is_passing());
    let said = error.to_string();
    assert!(
        said.contains("8192") && said.contains("max_payload"),
        "{said}"
    );
    let (_broker, bus) = taking("128KB").await;
    bus.ensure_streams(Streams::default()).await.unwrap();
    bus.publish(&new_item("a")).await.unwrap();
}

#[tokio::test]
async fn a_group_that_the_broker_keeps_otherwise_fails_the_start() {
    let world = World::new().await;
    let stream = jetstream::new(world.raw.clone())
        .get_stream("TODO")
        .await
        .unwrap();
    let other = jetstream::consumer::pull::Config {
        durable_name: Some("audit".to_owned()),
        deliver_policy: jetstream::consumer::DeliverPolicy::New,
        ..Default::default()
    };
    stream.create_consumer(other).await.unwrap();
    let group = world.bus.group("audit", events::ALL_SUBJECTS);
    let ended = group
        .each(CancellationToken::new(), async |_: &Delivery<TodoEvent>| {
            Ok(())
        })
        .await;
    let reason = ended.unwrap_err().to_string();
    assert!(
        reason.contains("`audit`") && reason.contains("deliver policy"),
        "{reason}"
    );
}

#[tokio::test]
async fn a_group_waits_for_a_stream_that_nobody_has_made_yet() {
    let broker = Broker::start(BrokerOptions::default()).await.unwrap();
    let bus = Bus::connect(&broker.url(), "tester", "tester-1")
        .await
        .unwrap();
    let (stop, seen) = (CancellationToken::new(), Seen::default());
    let group = bus.group("audit", events::ALL_SUBJECTS);
    let working = group.working();
    let member = group.each(stop.clone(), async |event: &Delivery<TodoEvent>| {
        seen.note(event);
        Ok(())
    });
    during(&stop, [member], async {
        assert!(!*working.borrow());
        bus.ensure_streams(Streams::default()).await.unwrap();
        bus.publish(&crate::world::new_item("a")).await.unwrap();
        seen.reach(1).await;
        assert!(*working.borrow());
    })
    .await;
}

/// Returns the ids and positions of the events that a group gets, from the first on: the group is removed
/// before.
async fn places(bus: &Bus, count: usize) -> Vec<(String, Position)> {
    let (stop, places) = (CancellationToken::new(), RefCell::new(Vec::new()));
    let _ = bus.delete_group("mail").await;
    let member = bus.group("mail", events::ALL_SUBJECTS).each(
        stop.clone(),
        async |event: &Delivery<TodoEvent>| {
            let place = (event.meta.id.to_string(), event.origin.position());
            places.borrow_mut().push(place);
            Ok(())
        },
    );
    during(&stop, [member], async {
        eventually("all came", SOON, async || {
            let came = places.borrow().len();
            if came == count { Ok(()) } else { Err(came) }
        })
        .await;
    })
    .await;
    let mut places = places.into_inner();
    places.sort_by_key(|(_, position)| *position);
    places
}

/// Changes settings and restarts the broker. Servers from 2.9 to 2.14 move the time of a stream's
/// creation: after an update, to when they were started.
async fn new_settings_and_restarts(broker: &mut Broker, bus: &Bus) {
    for limit in [1 << 30, 1 << 29] {
        broker.restart().await.unwrap();
        let limit = Streams {
            limit,
            ..Streams::default()
        };
        eventually("the settings are new", SOON, async || {
            bus.ensure_streams(limit).await
        })
        .await;
    }
    broker.restart().await.unwrap();
}

/// Publishes an event without an id, which gets one by its position.
async fn publish(client: &async_nats::Client, item: &str) {
    let body = format!(r#"{{"item":"{item}"}}"#);
    eventually("it is stored", SOON, async || {
        let jetstream = jetstream::new(client.clone());
        let stored = jetstream.publish("events.todo.newitem", body.clone().into());
        stored.await?.await.map(drop)
    })
    .await;
}

#[tokio::test]
async fn events_keep_their_place_and_their_id_whatever_the_server_makes_of_the_streams_creation() {
    let World {
        mut broker,
        bus,
        raw,
    } = World::new().await;
    publish(&raw, "a").await;
    publish(&raw, "b").await;
    let before = places(&bus, 2).await;
    new_settings_and_restarts(&mut broker, &bus).await;
    publish(&raw, "c").await;
    let after = places(&bus, 3).await;
    assert_eq!(after[..2], before);
    assert!(after[2].1 > before[1].1);
}

#[tokio::test]
async fn a_stream_of_an_earlier_release_goes_on_counting_by_its_creation() {
    let mut broker = Broker::start(BrokerOptions::default()).await.unwrap();
    let raw = async_nats::connect(broker.url()).await.unwrap();
    let bus = Bus::connect(&broker.url(), "tester", "tester-1")
        .await
        .unwrap();
    let old = Config {
        name: "TODO".to_owned(),
        description: Some("every event of the todo lists".to_owned()),
        subjects: vec![events::ALL_SUBJECTS.to_owned()],
        ..Config::default()
    };
    let made = jetstream::new(raw.clone()).create_stream(old).await;
    let created = made.unwrap().cached_info().created;
    publish(&raw, "a").await;
    new_settings_and_restarts(&mut broker, &bus).await;
    let stream = StreamIdentity::new("TODO", created);
    let expected = (stream.derive_id(1).to_string(), stream.position(1));
    assert_eq!(places(&bus, 1).await, [expected]);
    if broker.version() < Version(2, 10) {
        let moved = jetstream::new(raw).get_stream("TODO").await.unwrap();
        assert_ne!(
            moved.cached_info().created,
            created,
            "there is nothing to withstand"
        );
    }
}
