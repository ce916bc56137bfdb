//! Messages that the client library cannot read.

use std::{cell::Cell, collections::BTreeSet, time::Duration};

use async_nats::jetstream;
use bus::{Inspection, RedeliveryPolicy};
use futures_util::StreamExt;
use testkit::eventually;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::world::{SOON, Seen, World};

const NEW_ITEM: &[u8] = b"events.todo.newitem";

/// Subjects and headers, and `true` if the client library can read them.
const SAMPLES: [(&[u8], &[u8], bool); 14] = [
    (NEW_ITEM, b"NATS/1.0\r\nA: b\r\n\r\n", true),
    (NEW_ITEM, b"NATS/1.0\r\nA:b\r\nA: \r\n\r\n", true),
    (NEW_ITEM, "NATS/1.0\r\nA: 새 항목\r\n\r\n".as_bytes(), true),
    (NEW_ITEM, b"NATS/1.0\r\nA: b\r\n folded\r\n\r\n", true),
    (NEW_ITEM, b"NATS/1.0\r\nA: b\r\r\n\r\n", true),
    (NEW_ITEM, b"NATS/1.0\r\n\r\n", true),
    (NEW_ITEM, b"NATS/1.0\r\nA: b\rc\r\n\r\n", false),
    (NEW_ITEM, b"NATS/1.0\r\nA: b\r\n c\rd\r\n\r\n", false),
    (NEW_ITEM, "NATS/1.0\r\n제목: b\r\n\r\n".as_bytes(), false),
    (NEW_ITEM, b"NATS/1.0\r\nno colon\r\n\r\n", false),
    (NEW_ITEM, b"NATS/1.0\r\nA: \xff\r\n\r\n", false),
    (NEW_ITEM, b"NATS/1.0\r\n A: b\r\n\r\n", false),
    (
        b"events.todo.new\xe3\x80\x80item",
        b"NATS/1.0\r\nA: b\r\n\r\n",
        false,
    ),
    (b"events.todo.\xff", b"NATS/1.0\r\nA: b\r\n\r\n", false),
];

/// Publishes bytes as a careless client may, and waits until the broker has them.
async fn publish(world: &World, subject: &[u8], headers: &[u8], body: &[u8]) {
    let stream = TcpStream::connect(("127.0.0.1", world.broker.port()));
    let mut stream = BufReader::new(stream.await.unwrap());
    let mut sent = br#"CONNECT {"verbose":false,"headers":true}"#.to_vec();
    sent.extend(b"\r\nHPUB ");
    sent.extend(subject);
    let total = headers.len() + body.len();
    sent.extend(format!(" {} {total}\r\n", headers.len()).bytes());
    sent.extend([headers, body, b"\r\nPING\r\n"].concat());
    stream.write_all(&sent).await.unwrap();
    let mut line = String::new();
    while line != "PONG\r\n" {
        line.clear();
        assert!(stream.read_line(&mut line).await.unwrap() > 0, "no answer");
        assert!(!line.starts_with("-ERR"), "{line}");
    }
}

/// Returns whether a client gets the message, and not the end of its connection or of itself.
async fn client_reads(world: &World, subject: &[u8], headers: &[u8]) -> bool {
    let client = async_nats::connect(world.broker.url()).await.unwrap();
    let mut heard = client.subscribe("events.>").await.unwrap();
    // Returns what comes next besides `known`; nothing if the client died.
    let mut next = async |marker: &str, known: &str| {
        eventually("what is published, or the end", SOON, async || {
            publish(world, marker.as_bytes(), b"NATS/1.0\r\n\r\n", b"").await;
            match timeout(Duration::from_millis(50), heard.next()).await {
                Ok(Some(message)) if message.subject.as_str() == known => Err("an old one"),
                Ok(next) => Ok(next.map(|message| message.subject.to_string())),
                Err(_) => Err("nothing yet"),
            }
        })
        .await
    };
    // A client that still listens gets the first. One that had to connect again gets what comes
    // afterwards.
    let (before, after) = ("events.before", "events.after");
    assert_eq!(next(before, "").await.as_deref(), Some(before));
    publish(world, subject, headers, b"{}").await;
    let heard = next(after, before).await;
    heard.is_some_and(|subject| subject != after)
}

#[tokio::test]
async fn what_is_taken_for_readable_is_what_the_client_reads() {
    let world = World::new().await;
    for (subject, headers, readable) in SAMPLES {
        let sample = String::from_utf8_lossy(headers);
        assert_eq!(
            client_reads(&world, subject, headers).await,
            readable,
            "{sample:?}"
        );
    }
}

#[tokio::test]
async fn what_no_member_can_read_is_buried_and_removed_and_the_rest_is_handled() {
    let world = World::new().await;
    let stop = CancellationToken::new();
    for (subject, headers, _) in SAMPLES {
        publish(&world, subject, headers, br#"{"item":"odd"}"#).await;
        world.add("good").await;
    }
    let (seen, deaths) = (Seen::default(), Cell::new(0));
    let bad = SAMPLES.iter().filter(|(_, _, readable)| !readable).count();
    let mut inspection = Inspection::default();
    let group = async {
        // A member that died is started again, as by a supervisor.
        loop {
            let member = world.member("member").await;
            let mut connected = member.connected();
            let death = async { while connected.changed().await.is_ok() {} };
            let patience = RedeliveryPolicy {
                ack_wait: Duration::from_millis(300),
                max_deliveries: 1000,
            };
            let group = member.group("group", events::ALL_SUBJECTS);
            let work = group
                .redelivery_policy(patience)
                .each(stop.clone(), async |event| {
                    seen.note(event);
                    Ok(())
                });
            tokio::select! {
                ended = work => return ended.unwrap(),
                () = death => deaths.set(deaths.get() + 1),
            }
        }
    };
    let mut removed = Vec::new();
    let housekeeping = async {
        eventually("all is removed", SOON * 6, async || {
            let standing = world
                .bus
                .stream_status()
                .await
                .map_err(|error| error.to_string())?;
            let found = world
                .bus
                .remove_unreadable(&standing, &mut inspection)
                .await;
            removed.extend(found.map_err(|error| error.to_string())?);
            (removed.len() == bad)
                .then_some(())
                .ok_or_else(|| format!("{removed:?}"))
        })
        .await;
        world.settled("group").await;
        stop.cancel();
    };
    tokio::join!(group, housekeeping);
    assert!(deaths.get() > 0, "the client lives with line ends now");
    let good = |text: &String| text.as_str() == "good";
    let texts: BTreeSet<_> = seen.texts().into_iter().collect();
    assert!(texts.iter().any(good) && texts.contains("odd"), "{texts:?}");
    let letters = world.dead_letters().await;
    assert_eq!(letters.len(), bad);
    for letter in &letters {
        let header = |name: &str| letter.headers.get(name).unwrap().as_str().to_owned();
        assert!(header("Dead-Reason").starts_with("cannot be read: "));
        assert_eq!(letter.subject.as_str(), "dead.group");
        assert_eq!(letter.payload.as_ref(), br#"{"item":"odd"}"#);
    }
    let left = jetstream::new(world.raw.clone())
        .get_stream("TODO")
        .await
        .unwrap();
    assert_eq!(
        left.cached_info().state.messages,
        2 * SAMPLES.len() as u64 - bad as u64
    );
}

#[tokio::test]
async fn a_group_of_another_client_that_names_no_subject_has_its_dead_letter_too() {
    let world = World::new().await;
    let consumer = async_nats::jetstream::consumer::pull::Config {
        durable_name: Some("foreign".to_owned()),
        ..Default::default()
    };
    let stream = jetstream::new(world.raw.clone());
    let stream = stream.get_stream("TODO").await.unwrap();
    stream.create_consumer(consumer).await.unwrap();
    let no_colon = b"NATS/1.0\r\nno colon\r\n\r\n";
    publish(&world, NEW_ITEM, no_colon, br#"{"item":"odd"}"#).await;
    // Its client does not survive the message that it requests.
    let client = async_nats::connect(world.broker.url()).await.unwrap();
    let _heard = client.subscribe("foreign.inbox").await.unwrap();
    let next = "$JS.API.CONSUMER.MSG.NEXT.TODO.foreign";
    let asked = client.publish_with_reply(next, "foreign.inbox", "1".into());
    asked.await.unwrap();
    let mut inspection = Inspection::default();
    eventually("the event is removed", SOON, async || {
        let standing = world.bus.stream_status().await.unwrap();
        let removed = world.bus.remove_unreadable(&standing, &mut inspection);
        removed.await.unwrap().len() == 1
    })
    .await;
    let letters = world.dead_letters().await;
    let letters: Vec<_> = letters
        .iter()
        .map(|letter| letter.subject.as_str())
        .collect();
    assert_eq!(letters, ["dead.foreign"]);
}
