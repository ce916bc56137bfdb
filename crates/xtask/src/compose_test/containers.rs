//! Containers of the project, as the engine reports them.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use testkit::{http, try_eventually};

use super::docker::Docker;

/// The services whose images are not ours.
const THEIRS: [&str; 2] = ["message-queue", "todo-db"];

/// A container of the project.
pub(super) struct Container {
    pub(super) service: String,
    pub(super) name: String,
    pub(super) running: bool,
    id: String,
    started_at: String,
    inspected: Value,
}

/// The id and the start time of each container, by name.
pub(super) type Identities = BTreeMap<String, (String, String)>;

/// Returns every container of the project, also those that have ended.
pub(super) async fn all(docker: &Docker) -> Result<Vec<Container>> {
    let filter = format!("label=com.docker.compose.project={}", docker.project());
    let ids = docker
        .docker(&["ps", "--all", "--quiet", "--no-trunc", "--filter", &filter])
        .await?;
    let ids: Vec<_> = ids.split_whitespace().collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let inspected = docker.docker(&[&["inspect"], &ids[..]].concat()).await?;
    let inspected: Vec<Value> = serde_json::from_str(&inspected)?;
    inspected.into_iter().map(Container::try_from).collect()
}

/// Waits until every running container is healthy, and the page, which is healthy already without the
/// broker and the database, is ready as well.
pub(super) async fn healthy(docker: &Docker) -> Result<()> {
    try_eventually(
        "everything is healthy",
        Duration::from_mins(1),
        async || {
            for container in all(docker).await? {
                let health = container.text("/State/Health/Status");
                ensure!(
                    !container.running || health == "healthy",
                    "{} is {health}",
                    container.name
                );
            }
            let page = http::get(&docker.web("/statusz")).await?;
            ensure!(page.status == 200, "{}", page.text());
            Ok(())
        },
    )
    .await
}

/// Returns the running containers. `setup` is not among them: it has ended, and may run again whenever
/// something is started.
pub(super) async fn identities(docker: &Docker) -> Result<Identities> {
    let containers = all(docker).await?;
    let running = containers.into_iter().filter(|container| container.running);
    Ok(running
        .map(|container| (container.name, (container.id, container.started_at)))
        .collect())
}

/// Fails unless exactly these services run, each as often as it is named.
pub(super) async fn runs(docker: &Docker, services: &[&str]) -> Result<()> {
    let mut services = services.to_vec();
    services.sort_unstable();
    let all = all(docker).await?;
    let running = all.iter().filter(|container| container.running);
    let mut running: Vec<_> = running.map(|one| one.service.as_str()).collect();
    running.sort_unstable();
    ensure!(
        running == services,
        "running: {running:?}, not {services:?}"
    );
    Ok(())
}

/// Fails unless one container of `service` was added, and each one of `before` is still the same and was
/// not restarted.
pub(super) async fn added(docker: &Docker, before: &Identities, service: &str) -> Result<()> {
    healthy(docker).await?;
    let after = identities(docker).await?;
    for (name, identity) in before {
        let now = after.get(name);
        ensure!(
            now == Some(identity),
            "{name} was touched: before {identity:?}, now {now:?}"
        );
    }
    let all = all(docker).await?;
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

impl Container {
    /// Fails if the container has more privileges than it needs.
    pub(super) fn is_confined(&self) -> Result<()> {
        let config = &self.inspected["HostConfig"];
        let name = &self.name;
        ensure!(
            config["ReadonlyRootfs"] == true,
            "{name} may write to its own files"
        );
        ensure!(
            config["CapDrop"] == serde_json::json!(["ALL"]),
            "{name} keeps capabilities"
        );
        let options = config["SecurityOpt"].as_array();
        ensure!(
            options.is_some_and(|all| all.contains(&"no-new-privileges:true".into())),
            "{name} may gain privileges"
        );
        ensure!(
            config["Memory"].as_u64() > Some(0),
            "{name} may take all memory"
        );
        if !self.is_theirs() {
            let user = self.text("/Config/User");
            ensure!(
                !matches!(user.as_str(), "" | "0" | "root"),
                "{name} runs as root"
            );
            ensure!(config["Init"] == true, "{name} has no init");
        }
        Ok(())
    }

    pub(super) fn is_theirs(&self) -> bool {
        THEIRS.contains(&self.service.as_str())
    }

    /// Returns the container's exit code.
    pub(super) fn exit_code(&self) -> Option<i64> {
        self.inspected.pointer("/State/ExitCode")?.as_i64()
    }

    /// Returns the host's addresses that its ports are published on.
    pub(super) fn published_on(&self) -> Vec<String> {
        let ports = self.inspected.pointer("/NetworkSettings/Ports");
        let bindings = ports.and_then(Value::as_object).into_iter().flatten();
        let bindings = bindings.filter_map(|(_, addresses)| addresses.as_array());
        let addresses = bindings.flatten().filter_map(|one| one["HostIp"].as_str());
        addresses.map(str::to_owned).collect()
    }

    fn text(&self, pointer: &str) -> String {
        let value = self.inspected.pointer(pointer);
        value.and_then(Value::as_str).unwrap_or_default().to_owned()
    }
}

impl TryFrom<Value> for Container {
    type Error = anyhow::Error;

    fn try_from(inspected: Value) -> Result<Self> {
        let text = |pointer: &str| {
            let value = inspected.pointer(pointer).and_then(Value::as_str);
            value
                .map(str::to_owned)
                .with_context(|| format!("the engine does not tell {pointer}"))
        };
        Ok(Self {
            service: text("/Config/Labels/com.docker.compose.service")?,
            name: text("/Name")?.trim_start_matches('/').to_owned(),
            running: inspected.pointer("/State/Running") == Some(&Value::Bool(true)),
            id: text("/Id")?,
            started_at: text("/State/StartedAt")?,
            inspected,
        })
    }
}
