//! B5: latency from a request until every subscriber receives that it is saved.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use async_nats::jetstream::consumer::{DeliverPolicy, push};
use events::{Event, ItemSaved};
use futures_util::StreamExt;
use serde::Deserialize;
use sqlx::{Connection, PgConnection};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;
use uuid::Uuid;

use crate::load::{self, Latencies, Load};
use crate::numbers::median;
use crate::stage::{STREAM, Stage};
use crate::table::{Goal, Table, Value};

/// Requests per second.
const RATE: f64 = 50.0;

/// Time within which the last `itemsaved` must arrive.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The time at which each item's request was due, or its `itemsaved` arrived.
type Times = HashMap<Uuid, Instant>;

/// The field that responses and `itemsaved` have in common.
#[derive(Deserialize)]
struct Item {
    id: Uuid,
}

/// Measures and adds the rows.
pub(crate) async fn run(stage: &mut Stage, table: &mut Table) -> Result<()> {
    let (mut p50, mut p99, mut commits) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=stage.sizes.rounds {
        let (news, commit) = once(stage).await?;
        stage.say(&format!(
            "B5 round {round}: {} requests: p50 {:.2} ms, p99 {:.2} ms; a commit {:.2} ms",
            news.len(),
            news.p50_ms(),
            news.p99_ms(),
            commit.p50_ms(),
        ));
        p50.push(news.p50_ms());
        p99.push(news.p99_ms());
        commits.push(commit.p50_ms());
    }
    let commit = Value::Milliseconds(median(commits));
    for (name, times, more) in [("half", p50, 5.0), ("99 %", p99, 20.0)] {
        let what = format!("POST to itemsaved received, {name} within, to a commit");
        let goal = Goal::BelowMore(Value::Milliseconds(more));
        table.compare("B5", what, Value::Milliseconds(median(times)), commit, goal);
    }
    table.note(format!(
        "B5: {RATE} requests a second, evenly; from when each was due until a consumer of the stream \
         had the itemsaved, when the row could be seen (looked up each time). The commit is that of \
         one INSERT, made meanwhile, by half of them.",
    ));
    Ok(())
}

/// Measures one round: the latencies of `itemsaved`, and those of a commit.
async fn once(stage: &mut Stage) -> Result<(Latencies, Latencies)> {
    stage.fresh().await?;
    let mut api = stage.service("todo-api", 1, &[])?;
    let mut saver = stage.service("save-handler", 1, &[])?;
    api.ready().await?;
    saver.ready().await?;
    let messages = listen(stage).await?;

    let sent: Arc<Mutex<Times>> = Arc::default();
    let note = {
        let sent = Arc::clone(&sent);
        move |due, body: &[u8]| {
            if let Ok(Item { id }) = serde_json::from_slice(body) {
                sent.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(id, due);
            }
        }
    };
    let load = Load {
        address: api.address(),
        requests: [load::post(
            "/todo",
            r#"{"item":"record the video for the campaign"}"#,
        )]
        .into(),
        status: 202,
        connections: 8,
        warm: stage.sizes.warm,
        time: stage.sizes.live,
    };
    let (heard, hearing) = unbounded_channel();
    let hear = tokio::spawn(hear(messages, heard));
    let look = tokio::spawn(look_up(stage.system.database(), hearing));
    load::open(&load, RATE, note).await?;

    let sent = std::mem::take(&mut *sent.lock().unwrap_or_else(PoisonError::into_inner));
    let expected = sent.len();
    let heard = async {
        while stage.count("select count(*) from plain.items").await? < expected as u64 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        hear.abort();
        look.await?
    };
    let (news, commits) = timeout(TIMEOUT, heard)
        .await
        .with_context(|| format!("not every one of {expected} items was announced"))??;
    api.stop().await?;
    saver.stop().await?;
    let times = sent.iter().map(|(id, due)| {
        let heard = news.get(id).context("an item was not announced")?;
        Ok(heard.saturating_duration_since(*due))
    });
    Ok((
        times.collect::<Result<Vec<_>>>()?.into_iter().collect(),
        commits,
    ))
}

/// Subscribes as the web page does: an ordered consumer of what the stream stores from now on.
async fn listen(stage: &Stage) -> Result<push::Ordered> {
    let stream = stage.jetstream.get_stream(STREAM).await?;
    let consumer = stream
        .create_consumer(push::OrderedConfig {
            deliver_subject: stage.client.new_inbox(),
            filter_subject: ItemSaved::SUBJECT.to_owned(),
            deliver_policy: DeliverPolicy::New,
            ..push::OrderedConfig::default()
        })
        .await?;
    Ok(consumer.messages().await?)
}

/// Records when each `itemsaved` arrives. Nothing else is done here, which would make the next one late.
async fn hear(mut messages: push::Ordered, heard: UnboundedSender<(Uuid, Instant)>) -> Result<()> {
    while let Some(message) = messages.next().await {
        let now = Instant::now();
        let Item { id } = serde_json::from_slice(&message?.payload)?;
        heard.send((id, now))?;
    }
    Ok(())
}

/// Looks up the row of each announced item, and makes a commit for each.
async fn look_up(
    database: String,
    mut heard: UnboundedReceiver<(Uuid, Instant)>,
) -> Result<(Times, Latencies)> {
    let mut connection = PgConnection::connect(&database).await?;
    let (mut news, mut commits) = (Times::new(), Vec::new());
    while let Some((id, at)) = heard.recv().await {
        let seen = "select 1 from items where item_id = $1 and created_position is not null";
        let row = sqlx::query(seen)
            .bind(id)
            .fetch_optional(&mut connection)
            .await?;
        ensure!(
            row.is_some(),
            "the item {id} was announced and cannot be seen"
        );
        news.insert(id, at);
        let begin = Instant::now();
        let insert = "insert into plain.items values ($1, 'commit', '', false, 0, now(), 1)";
        sqlx::query(insert)
            .bind(id)
            .execute(&mut connection)
            .await?;
        commits.push(begin.elapsed());
    }
    connection.close().await?;
    Ok((news, commits.into_iter().collect()))
}
