//! Tests of housekeeper beside a real broker.
#![expect(
    clippy::unwrap_used,
    reason = "a test fails where its ground gives way"
)]

use std::time::Duration;

use bus::{Bus, Delivery, HandlerError, Streams};
use tempfile::TempDir;
use testkit::{Broker, BrokerOptions, Output, Process, eventually, http};
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

/// Timeout of anything that should take a moment.
const SOON: Duration = Duration::from_secs(10);

/// Starts housekeeper, and returns the address of its metrics.
async fn start(broker: &str) -> (Process, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_housekeeper"));
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("address");
    command
        .env("NATS_URL", broker)
        .env("HTTP_ADDR", "127.0.0.1:0")
        .env("ADDRESS_FILE", &file);
    let process = Process::spawn("housekeeper", command, Output::Lines(None)).unwrap();
    let address = eventually("it listens", SOON, async || {
        std::fs::read_to_string(&file).map_err(|_| process.tail())
    });
    let metrics = format!("http://{}/metrics", address.await.trim());
    (process, metrics)
}

/// Waits until the gauge says that `count` events of the group `mail` wait for a member.
async fn shows(metrics: &str, count: u64) {
    let gauge = format!(r#"group_events{{group="mail",state="waiting"}} {count}"#);
    eventually(&gauge, SOON, async || {
        let page = http::get(metrics).await.unwrap().text();
        let found = page.lines().any(|line| line == gauge);
        found.then_some(()).ok_or(page)
    })
    .await;
}

#[tokio::test]
async fn a_group_that_was_removed_is_shown_without_events_and_then_no_more() {
    let broker = Broker::start(BrokerOptions::default()).await.unwrap();
    let bus = Bus::connect(&broker.url(), "tester", "tester-1")
        .await
        .unwrap();
    bus.ensure_streams(Streams::default()).await.unwrap();
    let (_housekeeper, metrics) = start(&broker.url()).await;

    // The group's member joins and leaves before there is anything to handle.
    let stop = CancellationToken::new();
    let group = bus.group("mail", events::ALL_SUBJECTS);
    let mut working = group.working();
    let joined = async {
        working.wait_for(|working| *working).await.unwrap();
        stop.cancel();
    };
    let handle = async |_: &Delivery<Option<events::TodoEvent>>| Ok::<(), HandlerError>(());
    let (ended, ()) = tokio::join!(group.each(stop.clone(), handle), joined);
    ended.unwrap();
    for _ in 0..3 {
        bus.send_raw("events.todo.newitem", r#"{"item":"a"}"#)
            .await
            .unwrap();
    }
    shows(&metrics, 3).await;
    bus.delete_group("mail").await.unwrap();
    shows(&metrics, 0).await;
    eventually("it is shown no more", SOON, async || {
        let page = http::get(&metrics).await.unwrap().text();
        if page.contains(r#"group="mail""#) {
            Err(page)
        } else {
            Ok(())
        }
    })
    .await;
}

/// Cuts the newest block of the stopped broker's store.
fn truncate(broker: &Broker) {
    let block = broker
        .dir()
        .join("store/jetstream/$G/streams/TODO/msgs/1.blk");
    let block = std::fs::File::options().write(true).open(block).unwrap();
    let length = block.metadata().unwrap().len();
    block.set_len(length / 2).unwrap();
}

#[tokio::test]
async fn a_stream_that_lost_its_end_is_mended_and_told_of() {
    let mut broker = Broker::start(BrokerOptions::default()).await.unwrap();
    let bus = Bus::connect(&broker.url(), "tester", "tester-1")
        .await
        .unwrap();
    bus.ensure_streams(Streams::default()).await.unwrap();
    let (housekeeper, metrics) = start(&broker.url()).await;
    for _ in 0..20 {
        bus.send_raw("events.todo.newitem", r#"{"item":"a"}"#)
            .await
            .unwrap();
    }
    let gauge = async |line: &str| {
        eventually(line, SOON, async || {
            let page = http::get(&metrics).await.unwrap().text();
            let found = page.lines().any(|shown| shown == line);
            found.then_some(()).ok_or(page)
        })
        .await;
    };
    gauge("stream_events 20").await;
    broker.stop().await.unwrap();
    truncate(&broker);
    broker.restart().await.unwrap();
    let said = "the broker has lost the end of the stream TODO";
    housekeeper.wait_for_line(said, SOON).await.unwrap();
    gauge(r#"stream_losses_total{stream="TODO"} 1"#).await;
}

#[tokio::test]
async fn who_cannot_get_to_the_broker_says_so_once_with_the_address_and_the_reason() {
    let gone = Broker::start(BrokerOptions::default()).await.unwrap();
    let port = gone.port();
    drop(gone);
    let address = format!("nats://me:secret@127.0.0.1:{port}");
    let (housekeeper, _) = start(&address).await;
    let said = format!("cannot reach the broker: 127.0.0.1:{port}: IO error: Connection refused");
    housekeeper.wait_for_line(&said, SOON).await.unwrap();
    // The port is the same: if another process had taken it meanwhile, the start would fail.
    let options = BrokerOptions {
        port: Some(port),
        ..BrokerOptions::default()
    };
    let _broker = Broker::start(options).await.unwrap();
    let there = format!("connected to broker 127.0.0.1:{port}");
    housekeeper.wait_for_line(&there, SOON).await.unwrap();
    let lines = housekeeper.lines();
    let told = lines
        .iter()
        .filter(|line| line.contains("cannot reach the broker"));
    assert_eq!(told.count(), 1, "{lines:#?}");
    let about = |line: &&String| line.contains("secret") || line.contains("IO error");
    assert_eq!(lines.iter().filter(about).count(), 1, "{lines:#?}");
}
