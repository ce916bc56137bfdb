//! PgBouncer between us and the database.

use events::ListName;
use store::{Database, ErrorKind, ItemStore, Role, ensure_roles, migrate};
use testkit::{PgBouncer, PoolMode, Postgres, PostgresOptions, eventually};

use crate::fixture::{SOON, added, apply, becomes_reachable, completed, id};

/// PgBouncer's default, and the setting that people add when it refuses startup parameters of a driver.
const IGNORING: &str = "ignore_startup_parameters = options,extra_float_digits";

struct Pooled {
    server: Postgres,
    bouncer: PgBouncer,
    url: String,
}

impl Pooled {
    async fn start(mode: PoolMode, lines: &str) -> Self {
        let server = Postgres::start(PostgresOptions::default()).await.unwrap();
        server.create_database("todo").await.unwrap();
        let direct = server.url("todo");
        let bouncer = PgBouncer::start_with(mode, &[&direct], 2, lines)
            .await
            .unwrap();
        let url = bouncer.url(&direct).unwrap();
        Self {
            server,
            bouncer,
            url,
        }
    }
}

#[tokio::test]
async fn everything_works_behind_a_pooler_in_each_of_its_modes() {
    for mode in [PoolMode::Session, PoolMode::Transaction] {
        for lines in ["", IGNORING] {
            let pooled = Pooled::start(mode, lines).await;
            let roles = [Role {
                service: "todo-web",
                password: "p",
            }];
            // Two concurrent runs, and again: neither is disturbed by what the other left at the server.
            let (one, two) = tokio::join!(migrate(&pooled.url), migrate(&pooled.url));
            one.and(two).unwrap();
            ensure_roles(&pooled.url, &roles).await.unwrap();
            ensure_roles(&pooled.url, &roles).await.unwrap();
            let handle = Database::connect(&pooled.url, "test", 1).unwrap();
            becomes_reachable(&handle).await;
            let items = ItemStore::new(handle);
            let saved = [(1, added("milk", "buy milk", 1.0)), (2, completed("milk"))];
            apply(&items, &saved).await;
            let item = items.get(id("milk")).await.unwrap();
            assert!(item.unwrap().completed, "{mode:?} {lines}");
        }
    }
}

/// Runs many statements at a time on fewer connections than there are callers, each with an answer that shows
/// whose it is.
#[tokio::test]
async fn nobody_gets_the_answer_of_another_statement_where_connections_change_hands() {
    for more in ["", IGNORING] {
        let pooled = Pooled::start(PoolMode::Transaction, more).await;
        migrate(&pooled.url).await.unwrap();
        let askers = (0..6).map(async |asker| {
            let handle = Database::connect(&pooled.url, "test", 1).unwrap();
            becomes_reachable(&handle).await;
            let items = ItemStore::new(handle);
            for round in 0..30 {
                let name = format!("{asker} {round}");
                let event = added(&name, &name, f64::from(round));
                apply(
                    &items,
                    &[(asker * 100 + 1 + u64::try_from(round).unwrap(), event)],
                )
                .await;
                let item = items.get(id(&name)).await.unwrap().unwrap();
                assert_eq!(item.item.as_str(), name);
                items.count(&ListName::default()).await.unwrap();
                items.absence(id("nothing")).await.unwrap();
                items.list(&ListName::default(), None, 3).await.unwrap();
            }
        });
        let askers: Vec<_> = askers.collect();
        futures_util::future::join_all(askers).await;
        let count = "select count(*) from items";
        assert_eq!(pooled.server.execute("todo", count).await.unwrap(), "180");
        let left = "select count(*) from pg_prepared_statements";
        assert_eq!(pooled.server.execute("todo", left).await.unwrap(), "0");
        let log = pooled.bouncer.log().join("\n");
        assert!(!log.contains("prepared statement"), "{log}");
    }
}

#[tokio::test]
async fn a_statement_that_nobody_waits_for_any_more_ends_behind_a_pooler_too() {
    let pooled = Pooled::start(PoolMode::Transaction, "").await;
    migrate(&pooled.url).await.unwrap();
    let handle = Database::connect(&pooled.url, "test", 1).unwrap();
    becomes_reachable(&handle).await;
    let items = ItemStore::new(handle);
    let hold = "begin; lock table items; select pg_sleep(60)";
    let waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'";
    let server = &pooled.server;
    let error = tokio::select! {
        end = server.execute("todo", hold) => panic!("nothing holds the table: {end:?}"),
        error = async {
            let locked = "select count(*) from pg_locks where granted and \
                mode = 'AccessExclusiveLock' and relation = 'items'::regclass";
            eventually("the table is locked", SOON, async || {
                server.execute("todo", locked).await.is_ok_and(|count| count == "1")
            })
            .await;
            items.get(id("milk")).await.unwrap_err()
        } => error,
    };
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let text = std::error::Error::source(&error).unwrap().to_string();
    assert!(text.contains("57014"), "{text}");
    eventually("the statement is gone", SOON, async || {
        let left = server.execute("todo", waiting).await.unwrap();
        (left == "0").then_some(()).ok_or(left)
    })
    .await;
}

#[tokio::test]
async fn a_pooler_that_does_not_show_when_connecting_is_found_out_and_blames_no_row() {
    let pooled = Pooled::start(PoolMode::Transaction, IGNORING).await;
    // The server answers as if our startup parameter had arrived.
    let pretend = "alter role todo set todo.direct = 'on'";
    pooled.server.execute("todo", pretend).await.unwrap();
    migrate(&pooled.url).await.unwrap();
    let mut stores = Vec::new();
    for _ in 0..4 {
        let handle = Database::connect(&pooled.url, "test", 1).unwrap();
        becomes_reachable(&handle).await;
        stores.push(ItemStore::new(handle));
    }
    let default = ListName::default();
    let mut refused = 0;
    for _ in 0..10 {
        let asked = stores.iter().map(async |items| {
            let first = items.count(&default).await.map(drop);
            first.and(items.list(&default, None, 1).await.map(drop))
        });
        for answer in futures_util::future::join_all(asked).await {
            if let Err(error) = answer {
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
                refused += 1;
            }
        }
    }
    assert!((1..=8).contains(&refused), "{refused}");
}
