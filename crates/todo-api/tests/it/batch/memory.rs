//! What a batch may cost, whatever is in it.
//!
//! The shapes below cost, before and after reading was limited (MiB): objects with many unknown fields 261 and 3.3, with
//! as many as are named 28 and 9.5; one object 197 and 0.1, one field 190 and nothing; numbers 168 and 0.1,
//! objects 219 and 0.5.

use axum::{body::Body, http::StatusCode};
use serde_json::json;

use super::array;
use crate::app::TestApp;

/// The largest batch, in bytes.
const LIMIT: usize = 2 * 1024 * 1024;

/// What one batch may take up at its worst (KiB). Of the 256 MiB that the process has in the compose files, eight
/// at a time leave the greater part.
const MOST_KIB: u64 = 20 * 1024;

/// The most memory that the process has had since it was last forgotten (KiB).
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = line.unwrap().trim().trim_end_matches(" kB");
    peak.parse().unwrap()
}

/// As many of these, with commas between, as a batch may have.
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

/// An object with that many fields that nobody knows.
fn unknown(fields: usize) -> String {
    let fields = (0..fields).map(|n| format!("\"{n:x}\":0"));
    format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
}

async fn costs(body: String, status: StatusCode) {
    let app = TestApp::start().await;
    let mut request = array(&json!([]));
    *request.body_mut() = Body::from(body);
    // Writing a 5 here makes the kernel forget the peak.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = peak();
    // What is answered is not taken apart, which would cost the test more than the API.
    let answer = app.open(request).await;
    assert_eq!(answer.status(), status);
    // The kernel counts in batches, so that where nothing is used the peak may seem to be lower.
    let cost = peak().saturating_sub(before);
    assert!(cost < MOST_KIB, "{cost} KiB");
}

#[tokio::test]
async fn a_batch_of_objects_with_many_unknown_fields_costs_little_memory() {
    let object = unknown(300);
    costs(filled("[", "]", |_| object.clone()), StatusCode::OK).await;
}

#[tokio::test]
async fn a_batch_of_objects_with_as_many_unknown_fields_as_are_named_costs_little_memory() {
    let objects = vec![unknown(32); 1_000].join(",");
    costs(format!("[{objects}]"), StatusCode::OK).await;
}

#[tokio::test]
async fn a_batch_of_one_object_with_very_many_unknown_fields_costs_little_memory() {
    let body = filled("[{", "}]", |n| format!("\"{n:x}\":0"));
    costs(body, StatusCode::OK).await;
}

#[tokio::test]
async fn a_batch_with_much_inside_of_a_field_costs_little_memory() {
    let body = filled("[{\"item\":[", "]}]", |_| "{\"\":0}".to_owned());
    costs(body, StatusCode::OK).await;
}

#[tokio::test]
async fn a_batch_of_far_too_many_numbers_costs_little_memory() {
    let body = filled("[", "]", |_| "0".to_owned());
    costs(body, StatusCode::PAYLOAD_TOO_LARGE).await;
}

#[tokio::test]
async fn a_batch_of_far_too_many_objects_costs_little_memory() {
    let body = filled("[", "]", |_| "{\"\":0}".to_owned());
    costs(body, StatusCode::PAYLOAD_TOO_LARGE).await;
}
