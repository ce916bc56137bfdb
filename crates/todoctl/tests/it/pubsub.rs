//! Tests of `todoctl pub` and `todoctl sub`.

use serde_json::Value;
use testkit::{Output, Process, Signal, eventually, http};

use crate::world::{SOON, World};

/// A subject that no stream stores.
const PLAIN: &str = "demo.hello";

/// A subject that the stream of events stores.
const STORED: &str = "events.todo.newitem";

/// Starts the tool.
fn start(world: &World, arguments: &[&str]) -> Process {
    Process::spawn("todoctl", world.command(arguments), Output::Lines(None)).unwrap()
}

async fn listening(world: &World, arguments: &[&str]) -> Process {
    let listener = start(world, arguments);
    let ready = if arguments.contains(&"--durable") {
        "reading "
    } else {
        "listening on "
    };
    listener.wait_for_line(ready, SOON).await.unwrap();
    listener
}

/// Returns the bodies that a listener has printed.
fn bodies(listener: &Process) -> Vec<String> {
    let lines = listener.lines().into_iter();
    let lines = lines.filter(|line| line.starts_with("demo.") || line.starts_with("events."));
    lines
        .map(|line| line.rsplit("  ").next().unwrap().to_owned())
        .collect()
}

async fn heard(listener: &Process, expected: &[&str]) {
    eventually("the listener has heard all of it", SOON, async || {
        let bodies = bodies(listener);
        if bodies == expected {
            Ok(())
        } else {
            Err((bodies, listener.tail()))
        }
    })
    .await;
}

/// Returns the number of messages without an ack, which the broker would redeliver.
async fn unread(world: &World, name: &str) -> u64 {
    let monitor = world.broker.monitor_url();
    let address = format!("{}/jsz?consumers=true", monitor.trim_end_matches('/'));
    let report: Value = http::get(&address).await.unwrap().json().unwrap();
    let streams = &report["account_details"][0]["stream_detail"];
    let places = streams.as_array().into_iter().flatten();
    let mut places =
        places.flat_map(|stream| stream["consumer_detail"].as_array().into_iter().flatten());
    let name = format!("bookmark-{name}");
    let place = places.find(|place| place["name"] == name.as_str());
    place.unwrap()["num_ack_pending"].as_u64().unwrap()
}

async fn end(mut listener: Process) {
    let ended = listener.stop(Signal::SIGINT, SOON).await.unwrap();
    assert!(ended.success(), "{ended}: {}", listener.tail());
}

#[tokio::test]
async fn who_listens_gets_what_is_published_meanwhile_and_nothing_else() {
    let world = World::new().await;
    let two = ["pub", PLAIN, "hello {number}", "--count", "2"];
    let said = world.printed(&two).await;
    assert_eq!(
        said,
        "published 1 of 2 on demo.hello\npublished 2 of 2 on demo.hello\n"
    );
    let listener = listening(&world, &["sub", PLAIN]).await;
    let slow = ["--interval", "10ms"];
    world.printed(&[two.as_slice(), &slow].concat()).await;
    world.printed(&["pub", PLAIN, "the {number}th"]).await;
    heard(&listener, &["hello 1", "hello 2", "the {number}th"]).await;
    end(listener).await;
}

#[tokio::test]
async fn what_is_stored_comes_to_who_listens_later_and_only_once() {
    let world = World::new().await;
    let publish = async |text: &str| {
        let publishing = ["pub", STORED, text, "--count", "2", "--durable"];
        world.printed(&publishing).await
    };
    let said = publish("early {number}").await;
    assert_eq!(
        said,
        "stored 1 of 2 on events.todo.newitem as 1\nstored 2 of 2 on events.todo.newitem as 2\n"
    );
    let reading = ["sub", STORED, "--durable", "me"];
    let listener = listening(&world, &reading).await;
    heard(&listener, &["early 1", "early 2"]).await;
    publish("meanwhile {number}").await;
    heard(
        &listener,
        &["early 1", "early 2", "meanwhile 1", "meanwhile 2"],
    )
    .await;
    end(listener).await;
    assert_eq!(unread(&world, "me").await, 0);

    publish("late {number}").await;
    let again = listening(&world, &reading).await;
    heard(&again, &["late 1", "late 2"]).await;
    // Another NAME has a position of its own.
    let other = listening(&world, &["sub", STORED, "--durable", "you"]).await;
    eventually("the other has heard all", SOON, async || {
        bodies(&other).len() == 6
    })
    .await;
}

#[tokio::test]
async fn two_who_read_by_one_name_share() {
    let world = World::new().await;
    let reading = ["sub", STORED, "--durable", "team"];
    let readers = [
        listening(&world, &reading).await,
        listening(&world, &reading).await,
    ];
    let many = ["pub", STORED, "{number}", "--count", "40", "--durable"];
    world.printed(&many).await;
    eventually("all is read", SOON, async || {
        let mut read: Vec<u32> = readers
            .iter()
            .flat_map(bodies)
            .map(|body| body.parse().unwrap())
            .collect();
        read.sort_unstable();
        if read == (1..=40).collect::<Vec<_>>() {
            Ok(())
        } else {
            Err(read)
        }
    })
    .await;
    let shares = readers.each_ref().map(|reader| bodies(reader).len());
    assert!(shares.iter().all(|share| *share > 0), "{shares:?}");
}

#[tokio::test]
async fn both_wait_for_the_broker_and_say_so() {
    let mut world = World::new().await;
    world.broker.stop().await.unwrap();
    let durable = start(&world, &["sub", STORED, "--durable", "me"]);
    let listener = start(&world, &["sub", PLAIN]);
    let publisher = start(&world, &["pub", STORED, "hello", "--durable"]);
    let port = world.broker.port();
    let away = format!("the broker at nats://127.0.0.1:{port} (NATS_URL) is away; waiting for it");
    for one in [&durable, &listener, &publisher] {
        one.wait_for_line(&away, SOON).await.unwrap();
    }
    // Stopping while it waits is no failure.
    end(listener).await;
    world.broker.restart().await.unwrap();
    publisher
        .wait_for_line("stored 1 of 1", SOON)
        .await
        .unwrap();
    heard(&durable, &["hello"]).await;

    // The broker may also restart in between.
    world.broker.stop().await.unwrap();
    world.broker.restart().await.unwrap();
    let more = world.printed(&["pub", STORED, "again", "--durable"]).await;
    assert!(more.starts_with("stored 1 of 1"), "{more}");
    heard(&durable, &["hello", "again"]).await;
    end(durable).await;
}

#[tokio::test]
async fn a_publisher_stops_between_two_messages() {
    let world = World::new().await;
    let many = ["pub", PLAIN, "hello", "--count", "50", "--interval", "1m"];
    let mut publisher = start(&world, &many);
    publisher
        .wait_for_line("published 1 of 50", SOON)
        .await
        .unwrap();
    let ended = publisher.stop(Signal::SIGINT, SOON).await.unwrap();
    assert!(ended.success(), "{ended}");
    publisher
        .wait_for_line("stopped after 1 of 50", SOON)
        .await
        .unwrap();
}

#[tokio::test]
async fn what_no_stream_stores_and_what_makes_no_sense_is_refused() {
    let world = World::new().await;
    let complaint = world.complaint(&["pub", PLAIN, "hello", "--durable"]).await;
    let expected = "error: cannot store 1 of 1: no stream takes `demo.hello`\n";
    assert_eq!(complaint, expected);
    let complaint = world.complaint(&["sub", PLAIN, "--durable", "me"]).await;
    assert!(
        complaint.contains("the bookmark `bookmark-me` for `demo.hello`"),
        "{complaint}"
    );
    let complaint = world.complaint(&["sub", STORED, "--durable", "a.b"]).await;
    assert!(complaint.contains("letters, digits"), "{complaint}");
    for wrong in [["--count", "0"], ["--interval", "5"]] {
        let arguments = [["pub", PLAIN, "hello"].as_slice(), &wrong].concat();
        let output = world.todoctl(&arguments).await;
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
    }
}
