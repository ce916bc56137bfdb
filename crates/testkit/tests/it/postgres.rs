use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use testkit::{Postgres, PostgresOptions, install};
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

/// Returns a directory that is closed to others: a cluster of root's, which runs as another user, is
/// then in the fallback directory.
fn closed() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), Permissions::from_mode(0o700)).unwrap();
    dir
}

/// Starts a cluster that is kept in `dir`.
async fn keep(dir: &Path, password: &str, afresh: bool) -> Postgres {
    let options = PostgresOptions {
        dir: Some(dir.join("postgres")),
        password: Some(password.to_owned()),
        afresh,
        ..PostgresOptions::default()
    };
    Postgres::start(options).await.unwrap()
}

fn remove(postgres: Postgres) {
    let place = postgres.dir().to_owned();
    drop(postgres);
    fs::remove_dir_all(place).unwrap();
}

#[tokio::test]
async fn a_cluster_left_over_from_a_killed_run_is_stopped_and_its_data_is_kept() {
    let dir = closed();
    let first = keep(dir.path(), "pencil", true).await;
    first.create_database("kept").await.unwrap();
    let orphan = first.pid().unwrap();

    let second = keep(dir.path(), "pencil", false).await;

    assert_ne!(second.pid().unwrap(), orphan);
    second.execute("kept", "select 1").await.unwrap();
    let asked = dir.path().join("postgres");
    assert_eq!(asked.canonicalize().unwrap(), second.dir());
    remove(second);
}

#[tokio::test]
async fn who_removes_the_directory_of_a_cluster_and_starts_it_again_has_an_empty_one() {
    let dir = closed();
    let mut first = keep(dir.path(), "pencil", true).await;
    first.create_database("removed").await.unwrap();
    first.stop().await.unwrap();
    fs::remove_dir_all(dir.path().join("postgres")).unwrap();

    let second = keep(dir.path(), "brush", true).await;

    second.execute("postgres", "select 1").await.unwrap();
    second.execute("removed", "select 1").await.unwrap_err();
    remove(second);
}

#[tokio::test]
async fn a_cluster_of_a_version_that_is_not_here_is_left_alone_and_the_versions_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let version = dir.path().join("postgres/data/PG_VERSION");
    fs::set_permissions(dir.path(), Permissions::from_mode(0o711)).unwrap();
    fs::create_dir_all(version.parent().unwrap()).unwrap();
    fs::write(&version, "9\n").unwrap();
    let options = PostgresOptions {
        dir: Some(dir.path().join("postgres")),
        ..PostgresOptions::default()
    };

    let Err(error) = Postgres::start(options).await else {
        panic!("it started")
    };

    let text = format!("{error:#}");
    let here = install::postgres().unwrap().version;
    assert!(text.contains("made by PostgreSQL 9"), "{text}");
    assert!(text.contains(&here.to_string()), "{text}");
    assert_eq!(fs::read_to_string(version).unwrap(), "9\n");
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
