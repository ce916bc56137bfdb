//! Resources of each service: memory, files, connections. After the faults and the load they have to be
//! what they were before, or something was leaked.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result};
use serde::Deserialize;
use testkit::{System, http};

/// Tolerated growth since the start, with its reason.
const TOLERANCE: Usage = Usage {
    // Memory that one large batch needed is kept for the next.
    memory_kib: 48 * 1024,
    // The connection pools of the page and the API open connections as they need them.
    files: 12,
    broker_connections: 0,
    // A member that publishes several events at once subscribes to the replies meanwhile.
    subscriptions: 2,
    database_connections: 8,
};

/// Resources that all members of a service use together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    memory_kib: u64,
    files: u64,
    broker_connections: u64,
    subscriptions: u64,
    database_connections: u64,
}

/// Resources of each service.
pub(crate) type Level = BTreeMap<String, Usage>;

#[derive(Deserialize)]
struct Connections {
    connections: Vec<Connection>,
}

#[derive(Deserialize)]
struct Connection {
    #[serde(default)]
    name: String,
    subscriptions: u64,
}

/// Measures the current resources.
pub(crate) async fn look(system: &System) -> Result<Level> {
    let mut level = Level::new();
    for member in system.members() {
        let Some(pid) = member.pid else { continue };
        let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else {
            continue;
        };
        let usage = level.entry(member.service).or_default();
        let memory = status.lines().find(|line| line.starts_with("VmRSS:"));
        // A process that has just ended has no memory any more.
        let memory = memory.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
        usage.memory_kib += memory.unwrap_or_default();
        usage.files +=
            fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, |files| files.count() as u64);
    }
    let monitor = system.monitor();
    let answer = http::get(&format!("{monitor}/connz?limit=4096")).await?;
    let broker: Connections = serde_json::from_slice(&answer.body).context("no connections")?;
    for connection in broker.connections {
        if let Some(usage) = service_of(&connection.name).and_then(|name| level.get_mut(name)) {
            usage.broker_connections += 1;
            usage.subscriptions += connection.subscriptions;
        }
    }
    let names = "select application_name from pg_stat_activity where application_name is not null";
    for name in system.sql(names).await?.lines() {
        if let Some(usage) = service_of(name).and_then(|name| level.get_mut(name)) {
            usage.database_connections += 1;
        }
    }
    Ok(level)
}

/// Returns the service of a member.
fn service_of(member: &str) -> Option<&str> {
    member.rsplit_once('-').map(|(service, _)| service)
}

/// Returns a description of each resource that has grown beyond what is tolerated.
pub(crate) fn left_behind(before: &Level, after: &Level) -> Vec<String> {
    let mut found = Vec::new();
    for (service, after) in after {
        let before = before.get(service).copied().unwrap_or_default();
        let mut compare = |what: &str, before: u64, after: u64, more: u64| {
            if after > before + more {
                found.push(format!(
                    "{service}: {what} {before} → {after} (at most +{more})"
                ));
            }
        };
        let more = TOLERANCE;
        compare(
            "memory (KiB)",
            before.memory_kib,
            after.memory_kib,
            more.memory_kib,
        );
        compare("open files", before.files, after.files, more.files);
        compare(
            "connections at the broker",
            before.broker_connections,
            after.broker_connections,
            more.broker_connections,
        );
        compare(
            "subscriptions at the broker",
            before.subscriptions,
            after.subscriptions,
            more.subscriptions,
        );
        compare(
            "connections at the database",
            before.database_connections,
            after.database_connections,
            more.database_connections,
        );
    }
    found
}

/// Returns the sums over all services, in one line.
pub(crate) fn summary(level: &Level) -> String {
    let sum = |part: fn(&Usage) -> u64| level.values().map(part).sum::<u64>();
    format!(
        "{} MiB, {} files, {} + {} connections, {} subscriptions",
        sum(|usage| usage.memory_kib) / 1024,
        sum(|usage| usage.files),
        sum(|usage| usage.broker_connections),
        sum(|usage| usage.database_connections),
        sum(|usage| usage.subscriptions)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_was_left_behind_is_found_and_a_little_memory_is_not() {
        let level = |memory_kib, broker_connections| {
            let usage = Usage {
                memory_kib,
                broker_connections,
                ..Usage::default()
            };
            Level::from([("save-handler".to_owned(), usage)])
        };
        assert!(left_behind(&level(10_000, 2), &level(20_000, 2)).is_empty());
        assert_eq!(left_behind(&level(10_000, 2), &level(10_000, 3)).len(), 1);
        assert_eq!(left_behind(&level(10_000, 2), &level(100_000, 2)).len(), 1);
    }
}
