//! Replies find the callers that wait for them, or nobody misses them.

use std::time::Duration;

use bus::{Bus, Expected, Replies};
use events::{Reply, SaveReply};
use futures_util::future::join_all;
use testkit::{Broker, BrokerOptions, Link, eventually};
use tokio::time::Instant;

use crate::world::{SOON, World};

/// Returns a reply that says nothing but that it came.
fn answer_to(expected: &Expected) -> Reply {
    let reply = SaveReply { saved: None };
    reply.seal(expected.reply_to().clone(), Some("request-1".to_owned()))
}

#[tokio::test]
async fn each_answer_comes_to_the_one_who_waits_for_it() {
    let world = World::new().await;
    let replies = Replies::open(&world.bus).await.unwrap();
    let elsewhere = Replies::open(&world.bus).await.unwrap();
    let saver = world.member("saver-1").await;
    saver.wait_connected().await;
    let (first, second, third) = (replies.expect(), replies.expect(), elsewhere.expect());
    let unanswered = replies.expect();
    saver
        .reply_all(vec![
            answer_to(&third),
            answer_to(&second),
            answer_to(&first),
        ])
        .await;
    for expected in [first, second, third] {
        assert_eq!(expected.within(SOON).await, Some(SaveReply { saved: None }));
    }
    assert_eq!(unanswered.within(Duration::from_millis(50)).await, None);
    assert_eq!((replies.awaited(), elsewhere.awaited()), (0, 0));
}

#[tokio::test]
async fn an_answer_goes_to_a_subject_of_the_service_that_nobody_can_guess() {
    let world = World::new().await;
    let inbox = async || Replies::open(&world.bus).await.unwrap();
    let (one, other) = (inbox().await.expect(), inbox().await.expect());
    for expected in [&one, &other] {
        let subject = expected.reply_to().as_str();
        let process = subject
            .strip_prefix("replies.tester.")
            .and_then(|rest| rest.strip_suffix(".1"));
        assert_eq!(process.map(str::len), Some(32), "{subject}");
    }
    assert_ne!(one.reply_to(), other.reply_to());
    let odd = Bus::connect(&world.broker.url(), "two words", "odd-1").await;
    assert!(Replies::open(&odd.unwrap()).await.is_err());
}

#[tokio::test]
async fn ten_thousand_waits_that_ran_out_leave_nothing_behind() {
    let world = World::new().await;
    let replies = Replies::open(&world.bus).await.unwrap();
    let waits = (0..10_000).map(|_| replies.expect());
    let waits: Vec<_> = waits.collect();
    assert_eq!(replies.awaited(), 10_000);
    let late: Vec<_> = waits.iter().take(100).map(answer_to).collect();
    let given_up = replies.expect();
    let (started, limit) = (Instant::now(), Duration::from_millis(100));
    let answers = join_all(waits.into_iter().map(|expected| expected.within(limit))).await;
    assert!(answers.iter().all(Option::is_none));
    assert!(started.elapsed() < SOON);
    drop(given_up);
    assert_eq!(replies.awaited(), 0);

    world.bus.reply_all(late).await;
    let next = replies.expect();
    world.bus.reply_all(vec![answer_to(&next)]).await;
    assert!(next.within(SOON).await.is_some(), "late answers do no harm");
    assert_eq!(replies.awaited(), 0);
}

#[tokio::test]
async fn answers_come_again_after_the_broker_was_away() {
    let mut world = World::new().await;
    let replies = Replies::open(&world.bus).await.unwrap();
    let waited_on = replies.expect();
    let mut connected = world.bus.connected();
    world.broker.stop().await.unwrap();
    connected.wait_for(|connected| !connected).await.unwrap();
    // A reply that cannot be sent is not kept for later.
    world.bus.reply_all(vec![answer_to(&waited_on)]).await;
    world.broker.restart().await.unwrap();
    connected.wait_for(|connected| *connected).await.unwrap();
    let after = replies.expect();
    world.bus.reply_all(vec![answer_to(&after)]).await;
    assert!(after.within(SOON).await.is_some());
    assert_eq!(waited_on.within(Duration::ZERO).await, None);
}

#[tokio::test]
async fn an_inbox_may_be_opened_before_the_broker_is_there() {
    let broker = Broker::start(BrokerOptions::default()).await.unwrap();
    let link = Link::start(&broker.url()).await.unwrap();
    link.cut().await;
    let bus = Bus::connect(&link.url(&broker.url()), "tester", "tester-1").await;
    let bus = bus.unwrap();
    let replies = Replies::open(&bus).await.unwrap();
    link.restore().await;
    bus.wait_connected().await;
    let expected = replies.expect();
    bus.reply_all(vec![answer_to(&expected)]).await;
    assert!(expected.within(SOON).await.is_some());
}

#[tokio::test]
async fn what_is_no_answer_is_as_good_as_none() {
    let world = World::new().await;
    let replies = Replies::open(&world.bus).await.unwrap();
    let expected = replies.expect();
    let subject = expected.reply_to().to_string();
    let (inbox, _) = subject.rsplit_once('.').unwrap();
    for (subject, body) in [
        (format!("{inbox}.x"), "{}"),
        (format!("{inbox}.99999999999999999999999"), "{}"),
        (subject.clone(), "hello"),
    ] {
        world.bus.send_raw(&subject, body).await.unwrap();
    }
    let started = Instant::now();
    assert_eq!(expected.within(SOON).await, None);
    assert!(started.elapsed() < SOON);
}

#[tokio::test]
async fn the_broker_forgets_an_inbox_that_nobody_has_any_more() {
    let world = World::new().await;
    let replies = Replies::open(&world.bus).await.unwrap();
    let subject = replies.expect().reply_to().to_string();
    let interest = async || {
        let request = world.raw.request(subject.clone(), "{}".into());
        let nobody = tokio::time::timeout(Duration::from_millis(100), request).await;
        // A subscriber that does not answer is waited for; without one, the request fails at once.
        nobody.is_err()
    };
    eventually("the broker knows the inbox", SOON, interest).await;
    drop(replies);
    eventually("the broker does not know it any more", SOON, async || {
        !interest().await
    })
    .await;
}
