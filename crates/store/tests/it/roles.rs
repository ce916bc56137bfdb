//! Roles of the services in the database.

use events::EventId;
use sqlx::{ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions, raw_sql};
use store::{AuditEntry, AuditLog, Database, ItemHistory, ItemStore, Role};
use testkit::{Postgres, PostgresOptions};
use url::Url;

use crate::{
    audit::entry_at,
    fixture::{added, apply, completed, id, list},
};

const SERVICES: [&str; 4] = ["todo-web", "todo-api", "save-handler", "audit-handler"];

/// A cluster of its own, since the roles of a cluster are those of all its databases, with the
/// product's tables and roles.
async fn cluster() -> Postgres {
    let cluster = Postgres::start(PostgresOptions::default()).await.unwrap();
    cluster.ensure_database("todo").await.unwrap();
    let owner = cluster.url("todo");
    store::migrate(&owner).await.unwrap();
    let passwords = SERVICES.map(password);
    let roles: Vec<_> = SERVICES
        .iter()
        .zip(&passwords)
        .map(|(service, password)| Role { service, password })
        .collect();
    store::ensure_roles(&owner, &roles).await.unwrap();
    store::ensure_roles(&owner, &roles).await.unwrap();
    cluster
}

/// As awkward as a password may be.
fn password(service: &str) -> String {
    format!("{service}'s \\ \"secret\" %L; $$")
}

async fn connect(cluster: &Postgres, service: &str, password: &str) -> sqlx::Result<PgConnection> {
    let options = PgConnectOptions::new()
        .host("127.0.0.1")
        .port(cluster.port())
        .database("todo")
        .username(service)
        .password(password);
    options.connect().await
}

/// A handle as the service itself has it.
fn handle(cluster: &Postgres, service: &str) -> Database {
    let mut url: Url = cluster.url_for("todo", service, "").parse().unwrap();
    url.set_password(Some(&password(service))).unwrap();
    Database::connect(url.as_str(), "test", 1).unwrap()
}

/// Asserts that each statement is refused for a missing right, and for nothing else.
async fn are_refused(cluster: &Postgres, service: &str, statements: &[&'static str]) {
    let mut connection = connect(cluster, service, &password(service)).await.unwrap();
    for statement in statements {
        let mut transaction = connection.begin().await.unwrap();
        let done = raw_sql(*statement).execute(&mut *transaction).await;
        let code = match done {
            Ok(_) => panic!("{service} may: {statement}"),
            Err(sqlx::Error::Database(refusal)) => refusal.code().unwrap_or_default().into_owned(),
            Err(error) => panic!("{error}"),
        };
        assert_eq!(code, "42501", "{service}: {statement}");
        transaction.rollback().await.unwrap();
    }
}

/// Statements that no service may run.
const NOBODYS: [&str; 9] = [
    "create table public.mine (a int)",
    "create temporary table mine (a int)",
    "create schema mine",
    "alter table public.items add column mine int",
    "drop table public.items",
    "truncate public.items",
    "delete from public.items",
    "select * from public._sqlx_migrations",
    "create role mine",
];

const READ_ITEMS: &str = "select * from public.items";
const READ_AUDIT: &str = "select * from audit.events";

#[tokio::test]
async fn each_service_does_its_own_work_in_the_database_and_nothing_else() {
    let cluster = cluster().await;
    let savers = ItemStore::new(handle(&cluster, "save-handler"));
    let events = [(1, added("milk", "buy milk", 1.0)), (2, completed("milk"))];
    assert_eq!(apply(&savers, &events).await.len(), 1);
    let change_items = "update public.items set deleted = true";
    are_refused(&cluster, "save-handler", &NOBODYS).await;
    are_refused(&cluster, "save-handler", &[READ_AUDIT]).await;

    for service in ["todo-web", "todo-api"] {
        let readers = ItemStore::new(handle(&cluster, service));
        let page = readers.list(&list("default"), None, 10).await.unwrap();
        assert_eq!(page.items.len(), 1);
        are_refused(&cluster, service, &NOBODYS).await;
        let insert = "insert into items (item_id) values (gen_random_uuid())";
        are_refused(&cluster, service, &[change_items, insert, READ_AUDIT]).await;
        are_refused(&cluster, service, &["select * from items for update"]).await;
    }

    let history = ItemHistory::new(handle(&cluster, "todo-web"));
    assert!(!history.of(id("milk"), 10).await.unwrap().is_kept);
    let read_history = "select * from audit.item_history";
    are_refused(&cluster, "todo-api", &[read_history]).await;
    let change_history = "update audit.item_history set sequence = 2";
    are_refused(&cluster, "todo-web", &[change_history]).await;

    let (stream, event_id) = (crate::audit::stream(), EventId::from(id("milk")));
    let log = AuditLog::new(handle(&cluster, "audit-handler"));
    let entries: [AuditEntry<'_>; 1] = [entry_at(&stream, 1, &event_id)];
    assert_eq!(log.append(&entries).await.unwrap(), 1);
    assert_eq!(log.append(&entries).await.unwrap(), 0);
    are_refused(&cluster, "audit-handler", &NOBODYS).await;
    let rewrite = [
        "update audit.events set sequence = 2",
        "delete from audit.events",
    ];
    are_refused(&cluster, "audit-handler", &rewrite).await;
    are_refused(&cluster, "audit-handler", &[READ_ITEMS, change_items]).await;
}

#[tokio::test]
async fn a_service_needs_its_password_and_owns_nothing() {
    let cluster = cluster().await;
    for service in SERVICES {
        let refused = connect(&cluster, service, service).await;
        assert!(
            matches!(refused, Err(sqlx::Error::Database(_))),
            "{service}"
        );
    }
    let owners = "select distinct relowner::regrole::text from pg_class c
        join pg_namespace n on n.oid = c.relnamespace where nspname in ('public', 'audit')";
    assert_eq!(cluster.execute("todo", owners).await.unwrap(), "todo");
    let strong = "select count(*) from pg_roles where rolname like '%-%'
        and (rolsuper or rolcreatedb or rolcreaterole or rolreplication or rolbypassrls)";
    assert_eq!(cluster.execute("todo", strong).await.unwrap(), "0");
}
