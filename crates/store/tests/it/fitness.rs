//! A database that cannot hold what the system accepts is refused, by name.

use store::{Database, ItemStore, Role, StoreError, ensure_roles, migrate};
use testkit::{Postgres, PostgresOptions};
use tokio::time::timeout;

use crate::fixture::{SOON, added, apply, becomes_reachable, id};

async fn cluster() -> Postgres {
    Postgres::start(PostgresOptions::default()).await.unwrap()
}

fn text(error: &StoreError) -> String {
    assert!(error.is_setting(), "{error:?}");
    std::error::Error::source(error).unwrap().to_string()
}

#[tokio::test]
async fn a_database_of_another_encoding_is_refused_by_setup_and_by_a_service_without_setup() {
    let cluster = cluster().await;
    for encoding in ["LATIN1", "EUC_KR"] {
        let make = format!(
            "create database {encoding} template template0 encoding '{encoding}' locale 'C'"
        );
        cluster.execute("postgres", &make).await.unwrap();
        let url = cluster.url(&encoding.to_lowercase());
        let refused = text(&migrate(&url).await.unwrap_err());
        assert!(refused.contains(encoding), "{refused}");
        let handle = Database::connect(&url, "test", 1).unwrap();
        let refused = timeout(SOON, handle.refusal()).await.unwrap();
        assert!(text(&refused).contains(encoding));
    }
}

#[tokio::test]
async fn a_database_without_an_encoding_holds_every_text() {
    let cluster = cluster().await;
    let make = "create database ascii template template0 encoding 'SQL_ASCII' locale 'C'";
    cluster.execute("postgres", make).await.unwrap();
    migrate(&cluster.url("ascii")).await.unwrap();
    let handle = Database::connect(&cluster.url("ascii"), "test", 1).unwrap();
    becomes_reachable(&handle).await;
    let items = ItemStore::new(handle);
    apply(&items, &[(1, added("milk", "홍보 🙂", 1.0))]).await;
    let item = items.get(id("milk")).await.unwrap().unwrap();
    assert_eq!(item.item.as_str(), "홍보 🙂");
}

#[tokio::test]
async fn a_database_that_reads_backslashes_otherwise_is_refused() {
    let database = testkit::Database::create().await;
    let name = database.name();
    let off = format!("alter database {name} set standard_conforming_strings = off");
    database.execute(&off).await.unwrap();
    let refused = text(&migrate(&database.url()).await.unwrap_err());
    assert!(
        refused.contains("standard_conforming_strings = on"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_database_that_is_read_only_is_refused_by_setup() {
    let database = testkit::Database::create().await;
    let name = database.name();
    let only = format!("alter database {name} set default_transaction_read_only = on");
    database.execute(&only).await.unwrap();
    let refused = text(&migrate(&database.url()).await.unwrap_err());
    assert!(refused.contains("read-only"), "{refused}");
}

#[tokio::test]
async fn setups_at_once_all_succeed_whatever_isolation_is_the_default() {
    let cluster = cluster().await;
    for isolation in ["read committed", "repeatable read", "serializable"] {
        let name = isolation.replace(' ', "_");
        cluster.create_database(&name).await.unwrap();
        let set =
            format!("alter database {name} set default_transaction_isolation = '{isolation}'");
        cluster.execute("postgres", &set).await.unwrap();
        let url = cluster.url(&name);
        let done = tokio::join!(migrate(&url), migrate(&url), migrate(&url));
        for migrated in [done.0, done.1, done.2] {
            migrated.unwrap();
        }
    }
}

#[tokio::test]
async fn an_owner_who_may_not_make_tables_or_roles_is_refused_by_setup() {
    let cluster = cluster().await;
    cluster.create_database("todo").await.unwrap();
    let nobody = "create role nobody login password 'nobody'";
    cluster.execute("todo", nobody).await.unwrap();
    let url = cluster.url_for("todo", "nobody", "nobody");
    let refused = text(&migrate(&url).await.unwrap_err());
    assert!(refused.contains("permission denied"), "{refused}");
    assert!(refused.contains("owner of the tables"), "{refused}");

    let own = "alter database todo owner to nobody; grant create on schema public to nobody";
    cluster.execute("todo", own).await.unwrap();
    migrate(&url).await.unwrap();
    let roles = [Role {
        service: "todo-web",
        password: "p",
    }];
    let refused = text(&ensure_roles(&url, &roles).await.unwrap_err());
    assert!(refused.contains("roles"), "{refused}");
}

#[tokio::test]
async fn what_setup_may_still_bring_is_waited_for() {
    let cluster = cluster().await;
    cluster.create_database("todo").await.unwrap();
    for url in [
        cluster.url("nowhere"),
        cluster.url_for("todo", "todo", "wrong"),
        cluster.url_for("todo", "nobody", "nobody"),
    ] {
        let error = migrate(&url).await.unwrap_err();
        assert!(error.is_unavailable() && !error.is_setting(), "{error:?}");
    }
}
