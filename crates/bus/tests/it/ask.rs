//! Requests and responses.

use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

use bus::{AnswerError, AskError, Bus, Refusal, Topic};
use serde_json::Value;
use testkit::eventually;
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::world::{SOON, World};

const ECHO: Topic = Topic {
    name: "echo",
    subject: "queries.test.echo",
    about: "says the same",
    request_schema: r#"{"type":"string"}"#,
    response_schema: r#"{"type":"string"}"#,
};

/// Answers requests while `test` goes on, then stops.
async fn answering<T>(
    members: &[&Bus],
    answer: impl AsyncFn(usize, &[u8]) -> Result<Vec<u8>, Refusal>,
    test: impl Future<Output = T>,
) -> T {
    let stop = CancellationToken::new();
    let members = members.iter().enumerate().map(|(n, bus)| {
        let answer = &answer;
        bus.answer(&[ECHO], stop.clone(), async move |topic, question| {
            assert_eq!(topic, "echo");
            answer(n, question).await
        })
    });
    let members = futures_util::future::join_all(members);
    let test = async {
        let result = test.await;
        stop.cancel();
        result
    };
    let (ended, result) = tokio::join!(tokio::time::timeout(SOON, members), test);
    let ended: Result<(), AnswerError> = ended.expect("they stop soon").into_iter().collect();
    ended.unwrap();
    result
}

async fn ask(bus: &Bus, question: &str) -> Result<String, AskError> {
    let answer = bus.ask(ECHO.subject, question.to_owned(), SOON).await?;
    Ok(String::from_utf8(answer.to_vec()).unwrap())
}

/// Sends requests until one is answered.
async fn answered(bus: &Bus) {
    eventually("somebody answers", SOON, async || ask(bus, "hello").await).await;
}

#[tokio::test]
async fn members_share_the_questions_and_each_is_answered_once() {
    let world = World::new().await;
    let members = [
        world.member("a").await,
        world.member("b").await,
        world.member("c").await,
    ];
    let counts = RefCell::new([0; 3]);
    let echo = async |n: usize, question: &[u8]| {
        counts.borrow_mut()[n] += 1;
        Ok(question.to_vec())
    };
    let all = [&members[0], &members[1], &members[2]];
    answering(&all, echo, async {
        answered(&world.bus).await;
        eventually("all have their share", SOON, async || {
            let before: usize = counts.borrow().iter().sum();
            for n in 0..30 {
                let question = n.to_string();
                assert_eq!(ask(&world.bus, &question).await.unwrap(), question);
            }
            assert_eq!(counts.borrow().iter().sum::<usize>(), before + 30);
            counts.borrow().iter().all(|count| *count > 0)
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn what_is_refused_comes_with_its_number_and_what_to_change() {
    let world = World::new().await;
    let answer = async |_: usize, question: &[u8]| match question {
        b"panic" => panic!("on purpose"),
        b"large" => Ok(vec![b'x'; 2_000_000]),
        b"hello" => Ok(Vec::new()),
        _ => Err(Refusal::new(404, "there is none;\r\ntry another")),
    };
    answering(&[&world.bus], answer, async {
        answered(&world.bus).await;
        for (question, code, text) in [
            ("which", 404, "there is none;  try another"),
            ("panic", 500, "internal error"),
            ("large", 413, "the answer is too large: ask for less"),
        ] {
            let refused = ask(&world.bus, question).await.unwrap_err();
            let AskError::Refused(refusal) = refused else {
                panic!("{refused:?}")
            };
            assert_eq!(refusal, Refusal::new(code, text));
        }
        // Any client of the broker gets the same headers.
        let answer = world.raw.request(ECHO.subject, "which".into()).await;
        let headers = answer.unwrap().headers.unwrap();
        let header = |name| headers.get(name).unwrap().as_str().to_owned();
        assert_eq!(header("Nats-Service-Error-Code"), "404");
        assert_eq!(header("Nats-Service-Error"), "there is none;  try another");
    })
    .await;
}

#[tokio::test]
async fn whoever_asks_hears_in_time_that_there_is_no_answer() {
    let mut world = World::new().await;
    let nobody = ask(&world.bus, "hello").await.unwrap_err();
    assert!(matches!(nobody, AskError::Nobody { .. }), "{nobody:?}");

    let asker = world.member("asker").await;
    let never = async |_: usize, question: &[u8]| {
        if question != b"hello" {
            std::future::pending::<()>().await;
        }
        Ok(Vec::new())
    };
    let within = Duration::from_millis(200);
    let stop = CancellationToken::new();
    let late = async {
        answered(&world.bus).await;
        let start = Instant::now();
        let late = asker.ask(ECHO.subject, "never", within).await.unwrap_err();
        (late, start.elapsed())
    };
    let answer = async |_: &str, question: &[u8]| never(0, question).await;
    let (late, took) = tokio::select! {
        late = late => late,
        ended = world.bus.answer(&[ECHO], stop, answer) => panic!("{ended:?}"),
    };
    assert!(matches!(late, AskError::Late { .. }), "{late:?}");
    assert!(took >= within && took < within * 10, "{took:?}");

    world.broker.stop().await.unwrap();
    let mut connected = asker.connected();
    connected.wait_for(|connected| !connected).await.unwrap();
    let away = asker.ask(ECHO.subject, "hello", within).await.unwrap_err();
    assert!(matches!(away, AskError::Away), "{away:?}");
}

#[tokio::test]
async fn a_member_that_stops_answers_what_it_was_asked_and_is_asked_no_more() {
    let world = World::new().await;
    let member = world.member("stopping").await;
    let (begun, go_on) = (Notify::new(), Notify::new());
    let (stop, late) = (CancellationToken::new(), Cell::new(0));
    let answer = async |_: &str, question: &[u8]| {
        if stop.is_cancelled() {
            late.set(late.get() + 1);
        }
        if question == b"slow" {
            begun.notify_one();
            go_on.notified().await;
        }
        Ok(question.to_vec())
    };
    let topics = [ECHO];
    let answering = member.answer(&topics, stop.clone(), answer);
    let test = async {
        answered(&world.bus).await;
        let slow = async { ask(&world.bus, "slow").await.unwrap() };
        let stopping = async {
            begun.notified().await;
            stop.cancel();
            eventually("nobody is asked any more", SOON, async || {
                let within = Duration::from_millis(500);
                match world.bus.ask(ECHO.subject, "hello", within).await {
                    Err(AskError::Nobody { .. }) => Ok(()),
                    other => Err(other),
                }
            })
            .await;
            // One or two may have been in flight.
            assert!(late.get() < 5, "{}", late.get());
            go_on.notify_one();
        };
        let (answer, ()) = tokio::join!(slow, stopping);
        assert_eq!(answer, "slow");
    };
    let (ended, ()) = tokio::join!(answering, test);
    ended.unwrap();
}

#[tokio::test]
async fn answering_goes_on_when_the_broker_is_back_and_can_be_looked_up() {
    let mut world = World::new().await;
    let member = world.member("member").await;
    let stop = CancellationToken::new();
    let answer = async |_: &str, question: &[u8]| Ok(question.to_vec());
    let test = async {
        answered(&world.bus).await;
        world.broker.restart().await.unwrap();
        answered(&world.bus).await;
        let found = world
            .raw
            .request("$SRV.INFO.tester.member", "".into())
            .await;
        let info: Value = serde_json::from_slice(&found.unwrap().payload).unwrap();
        let endpoint = &info["endpoints"][0];
        assert_eq!(info["type"], "io.nats.micro.v1.info_response");
        assert_eq!(endpoint["subject"], ECHO.subject);
        assert_eq!(endpoint["queue_group"], "tester");
        assert_eq!(endpoint["metadata"]["request_schema"], ECHO.request_schema);
    };
    tokio::select! {
        () = test => {}
        ended = member.answer(&[ECHO], stop, answer) => panic!("{ended:?}"),
    }
}
