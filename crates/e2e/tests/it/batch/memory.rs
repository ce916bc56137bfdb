//! Memory that a batch costs the process that parses it, whatever its content.

use std::fs;

use testkit::{SystemOptions, http};

use crate::user::User;

/// The largest batch, in bytes.
const LIMIT: usize = 2 * 1024 * 1024;

/// Greatest memory that one batch may cost, including its 2 MiB of input (KiB). Of the 256 MiB that the
/// process has in the compose files, eight at a time leave the greater part. Before parsing was limited,
/// each of the shapes below but the second took 170 to 260 MiB.
const MOST_KIB: u64 = 24 * 1024;

/// Returns the peak of the process's resident memory (KiB).
fn peak(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = line.unwrap().trim().trim_end_matches(" kB");
    peak.parse().unwrap()
}

/// Returns as many parts, separated by commas, as fit into a batch.
fn filled(before: &str, after: &str, part: impl Fn(usize) -> String) -> String {
    let mut text = before.to_owned();
    for n in 0.. {
        let part = part(n);
        if text.len() + 1 + part.len() + after.len() > LIMIT {
            break;
        }
        if n > 0 {
            text.push(',');
        }
        text.push_str(&part);
    }
    text + after
}

/// Returns an object with that many unknown fields.
fn unknown(fields: usize) -> String {
    let fields = (0..fields).map(|n| format!("\"{n:x}\":0"));
    format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
}

#[tokio::test]
async fn whatever_is_in_a_batch_it_costs_little_memory() {
    let user = User::start(SystemOptions::default().only(&["todo-api"])).await;
    let api = user.system.members().remove(0);
    let address = format!("{}/todo/batch", user.system.api().unwrap());
    let send = async |body: String, status: u16| {
        let headers = [("content-type", "application/json")];
        let answer = http::request("POST", &address, &headers, body.as_bytes()).await;
        assert_eq!(answer.unwrap().status, status);
        peak(api.pid.unwrap())
    };
    let many = unknown(300);
    let as_many_as_are_named = vec![unknown(32); 1_000].join(",");
    let shapes = [
        (filled("[", "]", |_| many.clone()), 200),
        (format!("[{as_many_as_are_named}]"), 200),
        (filled("[{", "}]", |n| format!("\"{n:x}\":0")), 200),
        (
            filled("[{\"item\":[", "]}]", |_| "{\"\":0}".to_owned()),
            200,
        ),
        (filled("[", "]", |_| "0".to_owned()), 413),
        (filled("[", "]", |_| "{\"\":0}".to_owned()), 413),
    ];
    // The first request also allocates what all later ones use.
    let mut before = send("[{\"item\":\"a\"}]".to_owned(), 200).await;
    for (number, (body, status)) in shapes.into_iter().enumerate() {
        let after = send(body, status).await;
        // The kernel counts pages in batches, so that without allocations the peak may seem to be lower.
        let cost = after.saturating_sub(before);
        assert!(cost < MOST_KIB, "shape {number} took {cost} KiB");
        before = after;
    }
}
