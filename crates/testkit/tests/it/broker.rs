use std::time::{Duration, Instant};

use testkit::{Broker, BrokerOptions, eventually, http};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

async fn start() -> Broker {
    Broker::start(BrokerOptions::default()).await.unwrap()
}

/// Asks the broker for a pong over a connection of our own.
async fn ping(port: u16) -> std::io::Result<String> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    stream
        .write_all(b"CONNECT {\"verbose\":false}\r\nPING\r\n")
        .await?;
    line.clear();
    stream.read_line(&mut line).await?;
    Ok(line.trim().to_owned())
}

#[tokio::test]
async fn a_broker_starts_on_a_port_of_the_kernels_choice_with_streams_enabled() {
    let broker = start().await;

    assert_eq!(ping(broker.port()).await.unwrap(), "PONG");
    let health = http::get(&format!("{}/jsz", broker.monitor_url()))
        .await
        .unwrap();
    assert_eq!(health.status, 200);
    assert!(health.json().unwrap()["config"]["store_dir"].is_string());
}

#[tokio::test]
async fn two_brokers_do_not_meet() {
    let (one, other) = tokio::join!(start(), start());

    assert_ne!(one.port(), other.port());
}

#[tokio::test]
async fn a_broker_keeps_its_ports_over_a_restart_and_a_crash() {
    let mut broker = start().await;
    let (url, monitor) = (broker.url(), broker.monitor_url());

    broker.restart().await.unwrap();
    assert_eq!(
        (broker.url(), broker.monitor_url()),
        (url.clone(), monitor.clone())
    );

    broker.kill().await.unwrap();
    ping(broker.port()).await.unwrap_err();
    broker.restart().await.unwrap();
    assert_eq!((broker.url(), broker.monitor_url()), (url, monitor));
    assert_eq!(ping(broker.port()).await.unwrap(), "PONG");
}

#[tokio::test]
async fn a_paused_broker_is_silent_and_a_resumed_one_answers() {
    let broker = start().await;

    broker.pause().unwrap();
    timeout(Duration::from_millis(200), ping(broker.port()))
        .await
        .unwrap_err();

    broker.resume().unwrap();
    assert_eq!(ping(broker.port()).await.unwrap(), "PONG");
}

#[tokio::test]
async fn a_stopped_broker_leaves_no_process_and_a_dropped_one_neither() {
    let mut stopped = start().await;
    let dropped = start().await;
    let ids = [stopped.pid().unwrap(), dropped.pid().unwrap()];

    stopped.stop().await.unwrap();
    drop(dropped);

    for id in ids {
        eventually("the process is gone", Duration::from_secs(5), async || {
            !std::path::Path::new(&format!("/proc/{id}/exe")).exists()
        })
        .await;
    }
}

#[tokio::test]
async fn a_configuration_takes_its_passwords_from_the_environment() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("users.conf");
    let users = "authorization { users = [ { user: operator, password: $OPERATOR_PASSWORD } ] }\n";
    std::fs::write(&config, users).unwrap();
    let password = testkit::random_password();

    let broker = Broker::start(BrokerOptions {
        config: Some(config),
        env: vec![("OPERATOR_PASSWORD".to_owned(), password.clone())],
        credentials: Some(("operator".to_owned(), password.clone())),
        ..BrokerOptions::default()
    })
    .await
    .unwrap();

    assert!(
        broker
            .url()
            .contains(&format!("operator:{password}@127.0.0.1:"))
    );
    assert!(
        ping(broker.port())
            .await
            .unwrap()
            .contains("Authorization Violation")
    );
}

#[tokio::test]
async fn a_broker_that_cannot_start_says_what_it_logged_and_does_so_soon() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("broken.conf");
    std::fs::write(&config, "no_such_setting { a: 1 }\n").unwrap();
    let began = Instant::now();

    let options = BrokerOptions {
        config: Some(config),
        ..BrokerOptions::default()
    };
    let Err(error) = Broker::start(options).await else {
        panic!("it started")
    };

    assert!(
        format!("{error:#}").contains("no_such_setting"),
        "{error:#}"
    );
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_broker_left_over_from_a_killed_run_is_stopped_before_the_next_one_starts() {
    let dir = tempfile::tempdir().unwrap();
    let options = || BrokerOptions {
        dir: Some(dir.path().to_owned()),
        ..BrokerOptions::default()
    };
    let first = Broker::start(options()).await.unwrap();
    let orphan = first.pid().unwrap();

    let second = Broker::start(options()).await.unwrap();

    assert_ne!(second.pid().unwrap(), orphan);
    ping(first.port()).await.unwrap_err();
}
