//! The fifth step: members of a group share the work, and the database does not notice how many
//! publishers there are.

use anyhow::{Result, ensure};
use testkit::http;
use tokio::task::JoinSet;

use super::containers::{self, runs};
use super::docker::Docker;
use super::look::connections;
use super::{page, saved};

/// How many items come one by one, and the fewest of them that one of three members saves.
pub(super) const ONE_BY_ONE: usize = 60;
const FAIR_SHARE: usize = 10;

/// How many publishers come at once after that.
pub(super) const CROWD: usize = 120;

/// The most connections to the database: four of the page, one of each saver, and one more of each
/// that watches.
const CONNECTIONS: usize = (4 + 1) + 3 * (1 + 1);

/// Three savers save what one publisher adds, and then what many do.
pub(super) async fn three_share(docker: &Docker) -> Result<()> {
    docker.compose("up -d --scale save-handler=3").await?;
    let savers = ["save-handler"; 3];
    let others = ["housekeeper", "message-queue", "todo-db", "todo-web"];
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
    page::counts(docker, 2 + ONE_BY_ONE).await?;
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
    page::counts(docker, 2 + ONE_BY_ONE + CROWD).await?;
    let saved = saved::by_item(docker).await?;
    ensure!(
        saved.len() == 2 + ONE_BY_ONE + CROWD && saved.values().all(|by| by.len() == 1),
        "not each item was saved once: {saved:?}"
    );
    Ok(())
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
