//! The eight steps, each as the walk-through words it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use testkit::{Process, http, try_eventually};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::containers::{self, Identities};
use super::docker::Docker;
use super::{images, page, saved};

/// The files with the audit, and with the API too.
const AUDIT: &str = "-f docker-compose.yml -f docker-compose-audit.yml";
const API: &str = "-f docker-compose.yml -f docker-compose-audit.yml -f docker-compose-api.yml";

/// How many items come one by one, and the fewest of them that one of three members saves.
const ONE_BY_ONE: usize = 60;
const FAIR_SHARE: usize = 10;

/// How many publishers come at once after that.
const CROWD: usize = 120;

/// The most connections to the database: four of the page, one of each saver, and one more of each
/// that watches.
const CONNECTIONS: usize = (4 + 1) + 3 * (1 + 1);

/// What comes after something was published.
const SOON: Duration = Duration::from_secs(20);

/// The item of the seventh step.
const KOREAN: &str = "홍보 비디오 촬영";

/// Goes through all steps.
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
    told("5", "three savers share", three_share(docker)).await?;
    let before = containers::identities(docker).await?;
    told("6", "the audit is added", audit_is_added(docker, &before)).await?;
    let before = containers::identities(docker).await?;
    told("7", "the API is added", api_is_added(docker, &before)).await?;
    told(
        "8",
        "the data stays until it is removed",
        data_stays(docker),
    )
    .await
}

/// Runs a step, and tells which it is and how long it took.
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
    page::shows(docker, "0 items").await?;
    let accepted = page::add(docker, "the first of all").await?;
    ensure!(
        accepted.page.contains("Accepted"),
        "the page does not say so: {}",
        accepted.page
    );
    let stored = stream(docker).await?;
    ensure!(stored["messages"] == 1, "the stream has {stored}");
    ensure!(
        stored["consumer_count"] == 0,
        "somebody handles it: {stored}"
    );
    page::shows(docker, "0 items").await
}

async fn todoctl_listens(docker: &Docker) -> Result<()> {
    let mut todoctl = docker.start("run --rm -T todoctl sub events.todo.newitem")?;
    hears(docker, &todoctl).await?;
    // Without a terminal a Ctrl-C would end the command only, and not what it started.
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
    try_eventually("the broker knows of the listener", SOON, async || {
        let subscriptions = http::get(&docker.monitor("/subsz?subs=1")).await?.json()?;
        let all = subscriptions["subscriptions_list"].as_array().cloned();
        let subjects = all.unwrap_or_default();
        ensure!(
            subjects
                .iter()
                .any(|one| one["subject"] == "events.todo.newitem"),
            "only {subjects:?}"
        );
        Ok(())
    })
    .await?;
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
    page::shows(docker, "2 items").await?;
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

async fn three_share(docker: &Docker) -> Result<()> {
    docker.compose("up -d --scale save-handler=3").await?;
    let savers = ["save-handler"; 3];
    let others = ["message-queue", "todo-db", "todo-web"];
    runs(docker, &[&others[..], &savers[..]].concat()).await?;
    containers::healthy(docker).await?;
    for container in containers::all(docker).await? {
        container.is_confined()?;
    }

    let mut items = Vec::new();
    for number in 1..=ONE_BY_ONE {
        items.push(page::add(docker, &format!("one by one {number}")).await?.id);
    }
    let alone = connections(docker).await?;
    page::shows(docker, &format!("{} items", 2 + ONE_BY_ONE)).await?;
    let shares = saved::shares(docker, &items).await?;
    println!("    shares: {:?}", shares.values().collect::<Vec<_>>());
    ensure!(
        shares.len() == 3 && shares.values().all(|share| *share >= FAIR_SHARE),
        "not a fair share: {shares:?}"
    );

    let crowded = crowd(docker).await?;
    println!(
        "    connections to the database: {alone} with one publisher, up to {crowded} with {CROWD}"
    );
    ensure!(
        alone <= CONNECTIONS && crowded <= CONNECTIONS,
        "more than {CONNECTIONS} connections: {alone}, {crowded}"
    );
    page::shows(docker, &format!("{} items", 2 + ONE_BY_ONE + CROWD)).await
}

/// Many publishers at once; the most connections to the database that were seen meanwhile.
async fn crowd(docker: &Docker) -> Result<usize> {
    let mut publishers = JoinSet::new();
    for number in 1..=CROWD {
        let url = docker.web("/new");
        let item = format!("all at once {number}");
        publishers.spawn(async move { http::post_form(&url, &[("item", &item)]).await });
    }
    let mut most = 0;
    while !publishers.is_empty() {
        most = most.max(connections(docker).await?);
        while let Some(answer) = publishers.try_join_next() {
            let status = answer??.status;
            ensure!(status == 303, "a publisher got {status}");
        }
    }
    Ok(most.max(connections(docker).await?))
}

async fn audit_is_added(docker: &Docker, before: &Identities) -> Result<()> {
    docker
        .compose(&format!("{AUDIT} up -d --scale save-handler=3"))
        .await?;
    added(docker, before, "audit-handler").await?;
    // Everything since the first event, which is older than the audit.
    try_eventually("the audit has every event", SOON, async || {
        let stored = stream(docker).await?;
        let stored = [
            &stored["messages"],
            &stored["first_seq"],
            &stored["last_seq"],
        ];
        let query = "select count(*), min(sequence), max(sequence) from audit.events";
        let audited = docker.psql(query).await?;
        let stored = stored.map(Value::to_string).join("|");
        ensure!(audited == stored, "audited {audited}, stored {stored}");
        Ok(())
    })
    .await?;
    is_audited(docker, "the first of all").await?;
    is_audited(docker, &format!("one by one {ONE_BY_ONE}")).await
}

async fn api_is_added(docker: &Docker, before: &Identities) -> Result<()> {
    docker.compose(&format!("{API} up -d todo-api")).await?;
    added(docker, before, "todo-api").await?;
    let body = serde_json::json!({ "item": KOREAN });
    let answer = try_eventually("the API answers", SOON, async || {
        http::post_json(&docker.api("/todo"), &body).await
    })
    .await?;
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
    is_listed(docker, id).await?;
    containers::healthy(docker).await
}

async fn data_stays(docker: &Docker) -> Result<()> {
    docker.compose(&format!("{API} stop")).await?;
    for container in containers::all(docker).await? {
        let code = container.exit_code();
        ensure!(
            container.is_theirs() || code == Some(0),
            "{} ended with {code:?}",
            container.name
        );
    }
    docker.compose(&format!("{API} down")).await?;
    let left = containers::all(docker).await?.len();
    ensure!(left == 0, "{left} containers are left");

    docker.compose("up -d").await?;
    // Neither todoctl nor what other files add has started by itself.
    let base = ["message-queue", "save-handler", "todo-db", "todo-web"];
    runs(docker, &base).await?;
    page::shows(docker, &format!("{} items", 2 + ONE_BY_ONE + CROWD + 1)).await?;
    page::shows(docker, KOREAN).await?;

    docker.compose("down -v").await?;
    docker.compose("up -d todo-web").await?;
    page::shows(docker, "0 items").await?;
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

/// Fails unless exactly these services run, each as often as it is named.
async fn runs(docker: &Docker, services: &[&str]) -> Result<()> {
    let mut services = services.to_vec();
    services.sort_unstable();
    let running = containers::running(docker).await?;
    ensure!(
        running == services,
        "running: {running:?}, not {services:?}"
    );
    Ok(())
}

/// Fails unless nothing but one container of `service` was added.
async fn added(docker: &Docker, before: &Identities, service: &str) -> Result<()> {
    containers::healthy(docker).await?;
    let after = containers::identities(docker).await?;
    containers::same(before, &after)?;
    let all = containers::all(docker).await?;
    let new: Vec<_> = all
        .iter()
        .filter(|container| container.running && !before.contains_key(&container.name))
        .collect();
    ensure!(
        new.len() == 1 && new[0].service == service,
        "added: {:?}, not one {service}",
        new.iter().map(|new| &new.name).collect::<Vec<_>>()
    );
    new[0].is_confined()
}
