//! The eight steps of the walk-through, in its words, and one of the manual.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use testkit::{Process, http, try_eventually};
use tokio::time::timeout;

use super::containers::{self, Identities, added, runs};
use super::docker::{AUDIT, Docker, EVERYTHING};
use super::look::{SOON, audit_is_complete, is_audited, is_listed, is_time, stream};
use super::restore::lost_database;
use super::share::{self, CROWD, ONE_BY_ONE};
use super::{images, page, saved};

/// The item of the seventh step.
const KOREAN: &str = "홍보 비디오 촬영";

/// Runs all steps.
pub(super) async fn walk(docker: &Docker) -> Result<()> {
    told("0", "the images", async {
        docker.build().await?;
        images::check(docker).await
    })
    .await?;
    told("1", "a broker alone", broker_alone(docker)).await?;
    told("2", "a page that accepts", page_accepts(docker)).await?;
    told("3", "todoctl listens", todoctl_listens(docker)).await?;
    told("4", "a saver saves what waited", waiting_is_saved(docker)).await?;
    told("5", "three savers share", share::three_share(docker)).await?;
    let before = containers::identities(docker).await?;
    told("6", "the audit is added", audit_is_added(docker, &before)).await?;
    let before = containers::identities(docker).await?;
    told("7", "the API is added", api_is_added(docker, &before)).await?;
    told(
        "8",
        "the data stays until it is removed",
        data_stays(docker),
    )
    .await?;
    told("9", "a lost database comes back", lost_database(docker)).await
}

/// Runs a step, and shows its name and its duration.
async fn told(number: &str, what: &str, step: impl Future<Output = Result<()>>) -> Result<()> {
    println!("compose-test: step {number}: {what}");
    let started = Instant::now();
    step.await
        .with_context(|| format!("step {number} ({what})"))?;
    println!("    done in {:.1} s", started.elapsed().as_secs_f32());
    Ok(())
}

async fn broker_alone(docker: &Docker) -> Result<()> {
    docker.compose("up -d message-queue").await?;
    let connections = try_eventually("the broker tells of its connections", SOON, async || {
        let answer = http::get(&docker.monitor("/connz")).await?.json()?;
        answer["connections"].as_array().cloned().context("none")
    })
    .await?;
    ensure!(connections.is_empty(), "who is this? {connections:?}");
    runs(docker, &["message-queue"]).await?;
    let broker = containers::all(docker).await?;
    let published = broker[0].published_on();
    ensure!(
        published == ["127.0.0.1"],
        "the broker is published on {published:?}"
    );
    Ok(())
}

async fn page_accepts(docker: &Docker) -> Result<()> {
    docker.compose("up -d todo-web todo-db").await?;
    runs(docker, &["message-queue", "todo-db", "todo-web"]).await?;
    page::counts(docker, 0).await?;
    let accepted = page::add(docker, "the first of all").await?;
    ensure!(
        accepted.page.contains("Accepted"),
        "the page does not say so: {}",
        accepted.page
    );
    let stored = stream(docker).await?;
    ensure!(stored["messages"] == 1, "the stream has {stored}");
    // The page itself has a consumer, for its browsers.
    ensure!(
        stored["consumer_count"] == 1,
        "somebody handles it: {stored}"
    );
    page::counts(docker, 0).await
}

async fn todoctl_listens(docker: &Docker) -> Result<()> {
    let mut todoctl = docker.start("run --rm -T todoctl sub events.todo.newitem")?;
    hears(docker, &todoctl).await?;
    // Without a terminal a Ctrl-C would end the command only, and not the container that it started.
    for container in containers::all(docker).await? {
        if container.service == "todoctl" {
            let signal = ["kill", "--signal", "INT", &container.name];
            docker.docker(&signal).await?;
        }
    }
    let ended = timeout(SOON, todoctl.wait()).await;
    let ended = ended.context("todoctl does not end")??;
    ensure!(
        ended.success(),
        "todoctl ended with {ended}:{}",
        todoctl.tail()
    );
    runs(docker, &["message-queue", "todo-db", "todo-web"]).await
}

async fn hears(docker: &Docker, todoctl: &Process) -> Result<()> {
    todoctl.wait_for_line("listening on", SOON).await?;
    let accepted = page::add(docker, "the second").await?;
    let line = todoctl.wait_for_line(&accepted.id, SOON).await?;
    let parts: Vec<_> = line.splitn(4, "  ").collect();
    let [subject, id, time, body] = parts[..] else {
        anyhow::bail!("not subject, id, time and body: {line}")
    };
    ensure!(subject == "events.todo.newitem", "another subject: {line}");
    ensure!(id == accepted.id, "another id: {line}");
    ensure!(is_time(time), "no time: {line}");
    let body: Value = serde_json::from_str(body).with_context(|| format!("no JSON: {line}"))?;
    ensure!(body["item"] == "the second", "another item: {line}");
    Ok(())
}

async fn waiting_is_saved(docker: &Docker) -> Result<()> {
    docker.compose("up -d save-handler").await?;
    page::counts(docker, 2).await?;
    page::shows(docker, "the first of all").await?;
    page::shows(docker, "the second").await?;
    let log = docker.compose("logs --no-log-prefix save-handler").await?;
    for told in [
        "connected to broker message-queue:4222",
        "listening on events.todo.> as group save-handler",
    ] {
        let lines = log.lines().filter(|line| line.contains(told)).count();
        ensure!(lines == 1, "the log has `{told}` {lines} times:\n{log}");
    }
    let saved = saved::by_item(docker).await?;
    ensure!(saved.len() == 2, "saved: {saved:?}; the log:\n{log}");
    Ok(())
}

async fn audit_is_added(docker: &Docker, before: &Identities) -> Result<()> {
    // A new group needs its user, so the broker reloads its configuration first, which disturbs no
    // client.
    docker
        .compose("exec -T message-queue nats-server --signal reload=1")
        .await?;
    docker
        .compose(&format!("{AUDIT} up -d --scale save-handler=3"))
        .await?;
    added(docker, before, "audit-handler").await?;
    // Every event since the first one, which is older than the audit.
    audit_is_complete(docker).await?;
    is_audited(docker, "the first of all").await?;
    is_audited(docker, &format!("one by one {ONE_BY_ONE}")).await
}

async fn api_is_added(docker: &Docker, before: &Identities) -> Result<()> {
    docker
        .compose(&format!("{EVERYTHING} up -d todo-api"))
        .await?;
    added(docker, before, "todo-api").await?;
    let body = serde_json::json!({ "item": KOREAN });
    let answer = http::post_json(&docker.api("/todo"), &body).await?;
    ensure!(answer.status == 202, "status {}", answer.status);
    let accepted = answer.json()?;
    let id = accepted["id"].as_str().context("the answer has no id")?;
    let place = format!("/todo/{id}");
    let location = answer.header("location");
    ensure!(location == Some(&place), "Location is {location:?}");

    page::shows(docker, KOREAN).await?;
    is_audited(docker, KOREAN).await?;
    let item = http::get(&docker.api(&place)).await?.json()?;
    ensure!(item["item"] == KOREAN, "GET {place}: {item}");
    is_listed(docker, id, KOREAN).await?;
    containers::healthy(docker).await
}

async fn data_stays(docker: &Docker) -> Result<()> {
    docker.compose(&format!("{EVERYTHING} stop")).await?;
    for container in containers::all(docker).await? {
        let code = container.exit_code();
        ensure!(
            container.is_theirs() || code == Some(0),
            "{} ended with {code:?}",
            container.name
        );
    }
    docker.compose(&format!("{EVERYTHING} down")).await?;
    let left = containers::all(docker).await?.len();
    ensure!(left == 0, "{left} containers are left");

    docker.compose("up -d").await?;
    // Neither todoctl nor the services of the other files have started by themselves.
    let base = [
        "housekeeper",
        "message-queue",
        "save-handler",
        "todo-db",
        "todo-web",
    ];
    runs(docker, &base).await?;
    page::counts(docker, 2 + ONE_BY_ONE + CROWD + 1).await?;
    page::shows(docker, KOREAN).await?;

    docker.compose("down -v").await?;
    docker.compose("up -d todo-web").await?;
    page::counts(docker, 0).await?;
    let stored = stream(docker).await?;
    ensure!(stored["messages"] == 0, "the stream still has {stored}");
    docker.compose("down -v").await?;
    let filter = format!("label=com.docker.compose.project={}", docker.project());
    let volumes = docker
        .docker(&["volume", "ls", "--quiet", "--filter", &filter])
        .await?;
    ensure!(volumes.is_empty(), "volumes are left: {volumes}");
    Ok(())
}
