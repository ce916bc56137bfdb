//! Migrations of the database.

use store::{Database, ErrorKind, ItemStore, StoreError, migrate};
use testkit::eventually;

use crate::fixture::{SOON, id};

#[tokio::test]
async fn migrating_again_and_by_several_at_once_does_no_harm() {
    let database = testkit::Database::create().await;
    let url = database.url();
    let (one, two, three) = tokio::join!(migrate(&url), migrate(&url), migrate(&url));
    for result in [one, two, three, migrate(&url).await] {
        result.unwrap();
    }
}

#[tokio::test]
async fn a_later_releases_migration_is_left_alone() {
    let database = testkit::Database::create().await;
    migrate(&database.url()).await.unwrap();
    let later = "insert into _sqlx_migrations (version, description, success, checksum, execution_time) \
        values (99990101000000, 'later', true, '', 1)";
    database.execute(later).await.unwrap();
    migrate(&database.url()).await.unwrap();
}

#[tokio::test]
async fn before_setup_has_run_there_is_nothing_but_waiting() {
    let database = testkit::Database::create().await;
    let items = ItemStore::new(Database::connect(&database.url(), "test", 1).unwrap());
    let error = items.get(id("milk")).await.unwrap_err();
    assert!(error.is_unavailable());

    migrate(&database.url()).await.unwrap();
    assert_eq!(items.get(id("milk")).await.unwrap(), None);
}

#[tokio::test]
async fn a_database_that_does_not_exist_yet_is_unavailable() {
    let database = testkit::Database::create().await;
    let url = database.url().replace(database.name(), "nowhere");
    let error = migrate(&url).await.unwrap_err();
    assert!(error.is_unavailable());
    assert!(matches!(error, StoreError::Migrate(_)));
}

#[tokio::test]
async fn waiting_for_a_lock_ends() {
    let database = testkit::Database::create().await;
    migrate(&database.url()).await.unwrap();
    let hold = "begin; lock table _sqlx_migrations; select pg_sleep(60)";
    let is_held = "select count(*) > 0 from pg_locks where granted and mode = 'AccessExclusiveLock' \
        and relation = '_sqlx_migrations'::regclass";
    let error = tokio::select! {
        end = database.execute(hold) => panic!("the lock is gone: {end:?}"),
        error = async {
            eventually("the lock is held", SOON, async || {
                database.execute(is_held).await.is_ok_and(|yes| yes == "t")
            })
            .await;
            migrate(&database.url()).await.unwrap_err()
        } => error,
    };
    assert!(error.is_unavailable(), "{error:?}");
}

#[tokio::test]
async fn a_text_that_is_no_address_of_a_database_is_told_at_once() {
    for text in [
        "",
        "localhost",
        "http://localhost/todo",
        "postgres://localhost:port/todo",
    ] {
        let Err(error) = Database::connect(text, "test", 1) else {
            panic!("`{text}` was taken");
        };
        assert!(matches!(error, StoreError::Url(_)), "{text}");
        assert_eq!(error.kind(), ErrorKind::Fault);
    }
}
