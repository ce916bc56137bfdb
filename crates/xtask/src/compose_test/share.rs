//! The fifth step: the members of a group share the work, and the number of publishers has no effect on
//! the database.

use anyhow::{Result, ensure};
use testkit::http;
use tokio::task::JoinSet;

use super::containers::{self, runs};
use super::docker::Docker;
use super::look::connections;
use super::{page, saved};

/// Number of items that are added one by one, and the fewest of them that each of three members must
/// save.
pub(super) const ONE_BY_ONE: usize = 60;
const FAIR_SHARE: usize = 10;

/// Number of publishers that follow at once.
pub(super) const CROWD: usize = 120;

/// Greatest number of connections to the database: four of the page, one of each saver, and one more for
/// the health probe of each of them.
const CONNECTIONS: usize = (4 + 1) + 3 * (1 + 1);

/// Checks that three savers share what one publisher adds, and then what many add at once.
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

/// Adds items from many publishers at once, and returns the greatest number of connections to the
/// database meanwhile.
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
