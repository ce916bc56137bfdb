//! The status as JSON, for programs.

use std::collections::BTreeMap;

use bus::{MemberInfo, Work};
use serde::Serialize;

use super::Report;
use crate::text::rfc3339;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status<'l> {
    members: Vec<Answered<'l>>,
    missing: Vec<Missing<'l>>,
    /// `None` if they are not known.
    groups: Option<BTreeMap<&'l str, Group>>,
    dead_letters: Option<&'l BTreeMap<String, u64>>,
}

#[derive(Serialize)]
struct Answered<'l> {
    service: &'l str,
    member: &'l str,
    version: &'l str,
    started: String,
    work: Vec<Done<'l>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Done<'l> {
    name: &'l str,
    subject: &'l str,
    handled: u64,
    retried: u64,
    failed: u64,
    in_flight: u64,
    average_ms: f64,
    last_error: Option<&'l str>,
    last_error_at: Option<String>,
    /// The reason why nothing is handled at the moment.
    away: Option<&'l str>,
}

#[derive(Serialize)]
struct Missing<'l> {
    service: &'l str,
    /// `None` if any member would do.
    member: Option<&'l str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    waiting: u64,
    in_hand: u64,
}

/// Returns all fields as a JSON object, in one line.
pub(super) fn line(look: &Report) -> String {
    let standing = look.standing.as_ref().ok();
    let groups = standing.map(|standing| {
        let groups = standing.groups.iter();
        let group = groups.map(|(name, group)| {
            let group = Group {
                waiting: group.waiting,
                in_hand: group.in_hand,
            };
            (name.as_str(), group)
        });
        group.collect()
    });
    let missing = look.missing.iter();
    let status = Status {
        members: look.present.iter().map(member).collect(),
        missing: missing
            .map(|missing| Missing {
                service: &missing.service,
                member: missing.member.as_deref(),
            })
            .collect(),
        groups,
        dead_letters: standing.map(|standing| &standing.dead_letters),
    };
    serde_json::to_string(&status).unwrap_or_default()
}

fn member(present: &MemberInfo) -> Answered<'_> {
    Answered {
        service: &present.service,
        member: &present.member,
        version: &present.version,
        started: rfc3339(present.started),
        work: present.work.iter().map(done).collect(),
    }
}

fn done(work: &Work) -> Done<'_> {
    let error = work.last_error.as_ref();
    Done {
        name: &work.name,
        subject: &work.subject,
        handled: work.handled,
        retried: work.retried,
        failed: work.failed,
        in_flight: work.in_flight,
        average_ms: work.average.as_secs_f64() * 1000.0,
        last_error: error.map(|error| error.text.as_str()),
        last_error_at: error.and_then(|error| error.at).map(rfc3339),
        away: work.away.as_deref(),
    }
}
