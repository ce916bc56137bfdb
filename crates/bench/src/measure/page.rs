//! B8: latency of the list page, beside the query that it needs.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::load::{self, Connection, Latencies};
use crate::program::Program;
use crate::stage::Stage;
use crate::table::{Goal, Table, Value};
use crate::{backlog, drain};

/// Number of items on the page.
const ITEMS: u64 = 100;

/// The query that a page needs.
const QUERY: &str = r#"select item_id, list, item, completed, "order", added_at, version from items
    where list = $1 and created_position is not null and not deleted
    order by "order", item_id limit 100"#;

/// A row of the query.
type Item = (Uuid, String, String, bool, f64, OffsetDateTime, i64);

/// The pages: the service, the path, and the goal for a list of one page.
const PAGES: [(&str, &str, Goal); 3] = [
    ("todo-web", "/list", Goal::BelowTimes(3.0)),
    ("todo-web", "/", Goal::Below(Value::Milliseconds(5.0))),
    ("todo-api", "/todo", Goal::None),
];

/// Measures and adds the rows.
pub(crate) async fn run(stage: &mut Stage, table: &mut Table) -> Result<()> {
    stage.fresh().await?;
    fill(stage, ITEMS).await?;
    look(stage, table, "of 100 items", true).await?;
    let more = stage.sizes.backlog;
    fill(stage, more).await?;
    let items = format!("of 100 of {} items", more + ITEMS);
    look(stage, table, &items, false).await?;
    table.note(
        "B8: medians of one request after another over one connection, from sending it to having the \
         answer whole, each after the same query (the items of the page, by their index) on a \
         connection of the bench's own. Pages that are not judged are shown for comparison.",
    );
    Ok(())
}

/// Adds items to the list, as events that a saver saves.
async fn fill(stage: &mut Stage, items: u64) -> Result<()> {
    backlog::publish(stage, items).await?;
    let mut savers = [stage.service("save-handler", 1, &[])?];
    drain::watch_all(stage, "save-handler", &mut savers).await?;
    let [saver] = savers;
    saver.stop().await?;
    sqlx::raw_sql("vacuum analyze items")
        .execute(&mut stage.database)
        .await?;
    Ok(())
}

async fn look(stage: &mut Stage, table: &mut Table, items: &str, judged: bool) -> Result<()> {
    let mut programs = Vec::new();
    for service in ["todo-web", "todo-api"] {
        let mut program = stage.service(service, 1, &[])?;
        program.ready().await?;
        programs.push(program);
    }
    for (service, path, goal) in PAGES {
        let program = &programs[usize::from(service == "todo-api")];
        let (page, query) = compare(stage, program, path).await?;
        let page = Value::Milliseconds(page.p50_ms());
        let query = Value::Milliseconds(query.p50_ms());
        stage.say(&format!(
            "B8: {service} {path} {items}: {page}; the query {query}"
        ));
        let what = format!("{service}: GET {path} {items}, to the query");
        let goal = if judged { goal } else { Goal::None };
        table.compare("B8", what, page, query, goal);
    }
    for program in programs {
        program.stop().await?;
    }
    Ok(())
}

/// Requests a page and makes the query, in turn, and returns the latencies of both.
async fn compare(
    stage: &mut Stage,
    program: &Program,
    path: &str,
) -> Result<(Latencies, Latencies)> {
    let request = load::get(path);
    let mut connection = Connection::open(program.address()).await?;
    let (mut pages, mut queries): (Vec<Duration>, Vec<Duration>) = Default::default();
    for _ in 0..stage.sizes.pages {
        let begin = Instant::now();
        let rows: Vec<Item> = sqlx::query_as(QUERY)
            .bind("default")
            .fetch_all(&mut stage.database)
            .await?;
        queries.push(begin.elapsed());
        ensure!(
            rows.len() as u64 == ITEMS,
            "the query found {} items",
            rows.len()
        );
        let begin = Instant::now();
        connection.expect(&request, 200).await?;
        pages.push(begin.elapsed());
    }
    Ok((pages.into_iter().collect(), queries.into_iter().collect()))
}
