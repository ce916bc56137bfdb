use std::time::Duration;

use testkit::{Postgres, PostgresOptions};
use tokio::time::timeout;

async fn start() -> Postgres {
    Postgres::start(PostgresOptions::default()).await.unwrap()
}

#[tokio::test]
async fn a_cluster_makes_and_drops_databases() {
    let postgres = start().await;

    postgres.create_database("todo").await.unwrap();
    postgres.ensure_database("todo").await.unwrap();
    assert_eq!(
        postgres
            .execute("todo", "select current_database()")
            .await
            .unwrap(),
        "todo"
    );
    assert!(
        postgres
            .url("todo")
            .ends_with(&format!("@127.0.0.1:{}/todo", postgres.port()))
    );

    postgres.drop_database("todo").await.unwrap();
    postgres.execute("todo", "select 1").await.unwrap_err();
}

#[tokio::test]
async fn a_cluster_keeps_its_port_and_its_data_over_a_restart_and_a_crash() {
    let mut postgres = start().await;
    let port = postgres.port();
    postgres
        .execute(
            "postgres",
            "create table kept (n int); insert into kept values (1)",
        )
        .await
        .unwrap();

    postgres.restart().await.unwrap();
    postgres
        .execute("postgres", "insert into kept values (2)")
        .await
        .unwrap();
    postgres.kill().await.unwrap();
    postgres.execute("postgres", "select 1").await.unwrap_err();
    postgres.restart().await.unwrap();

    assert_eq!(postgres.port(), port);
    assert_eq!(
        postgres
            .execute("postgres", "select sum(n) from kept")
            .await
            .unwrap(),
        "3"
    );
}

#[tokio::test]
async fn a_paused_cluster_freezes_open_connections_too() {
    let postgres = start().await;
    let busy = postgres.execute("postgres", "select pg_sleep(0.3)");
    tokio::pin!(busy);
    timeout(Duration::from_millis(100), &mut busy)
        .await
        .unwrap_err();

    postgres.pause().unwrap();
    timeout(Duration::from_millis(600), &mut busy)
        .await
        .unwrap_err();
    timeout(
        Duration::from_millis(200),
        postgres.execute("postgres", "select 1"),
    )
    .await
    .unwrap_err();

    postgres.resume().unwrap();
    busy.await.unwrap();
}

#[tokio::test]
async fn a_wrong_password_is_refused() {
    let postgres = start().await;
    let url = postgres.url("postgres").replace("todo:p", "todo:q");

    let Err(error) = testkit::Database::create_in(&url).await else {
        panic!("it was accepted")
    };

    assert!(
        format!("{error:#}").contains("password authentication failed"),
        "{error:#}"
    );
}

#[tokio::test]
async fn a_cluster_left_over_from_a_killed_run_is_stopped_and_its_data_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let options = || PostgresOptions {
        dir: Some(dir.path().join("postgres")),
        password: Some("pencil".to_owned()),
        ..PostgresOptions::default()
    };
    let first = Postgres::start(options()).await.unwrap();
    first.create_database("kept").await.unwrap();
    let orphan = first.pid().unwrap();

    let second = Postgres::start(options()).await.unwrap();

    assert_ne!(second.pid().unwrap(), orphan);
    second.execute("kept", "select 1").await.unwrap();
    if second.dir().starts_with("/var/lib") {
        // Root's temporary directory was closed to the cluster's user.
        let place = second.dir().to_owned();
        drop(second);
        std::fs::remove_dir_all(place).unwrap();
    }
}

#[tokio::test]
async fn a_stale_note_of_a_process_that_is_somebody_elses_does_not_keep_a_cluster_from_starting() {
    let mut postgres = start().await;
    postgres.stop().await.unwrap();
    let note = format!("{}\n", std::process::id());
    std::fs::write(postgres.dir().join("data/postmaster.pid"), note).unwrap();

    postgres.restart().await.unwrap();

    assert_eq!(postgres.execute("postgres", "select 1").await.unwrap(), "1");
}
