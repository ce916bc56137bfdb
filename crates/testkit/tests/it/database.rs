use testkit::{Database, Postgres, PostgresOptions};

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

    assert_eq!(postgres.execute("postgres", &query).await.unwrap(), "0");
}
