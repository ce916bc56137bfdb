use std::time::{Duration, Instant};

use testkit::{Database, Postgres, PostgresOptions, eventually};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn a_database_is_fresh_empty_and_ones_own() {
    let (one, other) = tokio::join!(Database::create(), Database::create());

    one.execute("create table items (item_id int)")
        .await
        .unwrap();

    assert_ne!(one.url(), other.url());
    let count = "select count(*) from information_schema.tables where table_schema = 'public'";
    assert_eq!(one.execute(count).await.unwrap(), "1");
    assert_eq!(other.execute(count).await.unwrap(), "0");
}

#[tokio::test]
async fn a_dropped_database_is_gone() {
    let postgres = Postgres::start(PostgresOptions::default()).await.unwrap();
    let database = Database::create_in(&postgres.url("postgres"))
        .await
        .unwrap();
    let query = format!(
        "select count(*) from pg_database where datname = '{}'",
        database.name()
    );
    assert_eq!(postgres.execute("postgres", &query).await.unwrap(), "1");

    drop(database);

    eventually(
        "the database is gone",
        Duration::from_secs(20),
        async || postgres.execute("postgres", &query).await.unwrap() == "0",
    )
    .await;
}

/// PostgreSQL drops no database while a connection to it is being established, for up to a minute.
#[tokio::test]
async fn a_test_ends_while_a_connection_of_its_own_is_on_its_way() {
    let postgres = Postgres::start(PostgresOptions::default()).await.unwrap();
    let database = Database::create_in(&postgres.url("postgres"))
        .await
        .unwrap();
    let address = ("127.0.0.1", postgres.port());
    let mut connection = TcpStream::connect(address).await.unwrap();
    let who = b"user\0todo\0database\0postgres\0\0";
    let length = u32::try_from(8 + who.len()).unwrap();
    // https://www.postgresql.org/docs/current/protocol-message-formats.html: StartupMessage
    let head = [length.to_be_bytes(), 196_608_u32.to_be_bytes()].concat();
    connection.write_all(&head).await.unwrap();
    connection.write_all(who).await.unwrap();
    assert_eq!(connection.read_u8().await.unwrap(), b'R', "a challenge");

    let began = Instant::now();
    drop(database);
    assert!(began.elapsed() < Duration::from_secs(10));
}
