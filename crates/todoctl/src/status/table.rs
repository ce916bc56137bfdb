//! The status as text, for people.

use std::time::Duration;

use bus::{MemberInfo, Missing, StreamStatus, Work};
use time::OffsetDateTime;

use super::Report;
use crate::text::{printable, room_after, shortened};

/// The text for a missing value.
const NONE: &str = "-";

/// Returns a line for each endpoint of each member, with the missing members among them; then the groups.
pub(super) fn lines(look: &Report) -> Vec<String> {
    let mut rows: Vec<((&str, &str), String)> = Vec::new();
    for present in &look.present {
        let key = (present.service.as_str(), present.member.as_str());
        let worth_a_line: Vec<_> = present.work.iter().filter(|work| is_worth(work)).collect();
        let lines = match &worth_a_line[..] {
            [] => vec![member(present, None)],
            work => work
                .iter()
                .map(|work| member(present, Some(work)))
                .collect(),
        };
        rows.extend(lines.into_iter().map(|line| (key, line)));
    }
    for missing in &look.missing {
        let name = missing.member.as_deref();
        rows.push(((&missing.service, name.unwrap_or("~")), absent(missing)));
    }
    // The sort is stable: a member's lines stay in the order of its endpoints.
    rows.sort_by_key(|(key, _)| *key);
    let names = [
        "SERVICE", "MEMBER", "VERSION", "UP", "STATE", "WORK", "HANDLED", "RETRIED", "FAILED",
        "NOW", "AVERAGE",
    ];
    let mut lines = vec![columns(names.map(str::to_owned)) + "LAST ERROR"];
    lines.extend(rows.into_iter().map(|(_, line)| line));
    lines.push(String::new());
    lines.extend(groups(look));
    lines
}

fn member(present: &MemberInfo, work: Option<&Work>) -> String {
    let count =
        |count: fn(&Work) -> u64| work.map_or(NONE.to_owned(), |work| count(work).to_string());
    let up = OffsetDateTime::now_utc() - present.started;
    let start = columns([
        printable(&present.service),
        printable(&present.member),
        printable(&present.version),
        since(up.try_into().unwrap_or_default()),
        state(present).to_owned(),
        work.map_or(NONE.to_owned(), name),
        count(|work| work.handled),
        count(|work| work.retried),
        count(|work| work.failed),
        count(|work| work.in_flight),
        work.map_or(NONE.to_owned(), |work| short(work.average)),
    ]);
    if let Some(reason) = work.and_then(|work| work.away.as_deref()) {
        let room = room_after(start.chars().count());
        return start + &shortened(&format!("now: {}", printable(reason)), room);
    }
    let error = work.and_then(|work| work.last_error.as_ref());
    let error = error.map_or(NONE.to_owned(), |error| match error.at {
        Some(at) => {
            let ago = since(
                (OffsetDateTime::now_utc() - at)
                    .try_into()
                    .unwrap_or_default(),
            );
            format!("{ago} ago: {}", printable(&error.text))
        }
        None => printable(&error.text),
    });
    let room = room_after(start.chars().count());
    start + &shortened(&error, room)
}

/// Returns whether the member works or waits for the end of an outage.
fn state(present: &MemberInfo) -> &'static str {
    if present.work.iter().any(|work| work.away.is_some()) {
        "waits"
    } else {
        "works"
    }
}

/// Returns whether an endpoint gets a line: a group always, publishing and questions only if there was
/// a message or an error.
fn is_worth(work: &Work) -> bool {
    let is_group = !work.is_publishing() && !is_question(work);
    is_group
        || work.last_error.is_some()
        || work.handled + work.retried + work.failed + work.in_flight > 0
}

fn is_question(work: &Work) -> bool {
    work.subject.starts_with("queries.")
}

fn name(work: &Work) -> String {
    let name = printable(&work.name);
    if is_question(work) {
        format!("question {name}")
    } else {
        name
    }
}

fn absent(missing: &Missing) -> String {
    let member = missing.member.as_deref().map_or("?".to_owned(), printable);
    format!(
        "{:<15} {member:<28} did not answer",
        printable(&missing.service)
    )
}

fn columns(cells: [String; 11]) -> String {
    let [
        service,
        member,
        version,
        up,
        state,
        work,
        handled,
        retried,
        failed,
        now,
        average,
    ] = cells;
    format!(
        "{service:<15} {member:<28} {version:<8} {up:<7} {state:<5} {work:<15} {handled:>9} {retried:>7} \
         {failed:>6} {now:>5} {average:>8}  "
    )
}

/// Returns a line for each group, with its progress and its number of dead letters.
fn groups(look: &Report) -> Vec<String> {
    let standing = match &look.standing {
        Ok(standing) => standing,
        Err(error) => return vec![format!("the groups are not known: {error:#}")],
    };
    let mut lines = vec![group([
        "GROUP",
        "WAITING",
        "IN HAND",
        "DEAD LETTERS",
        "MEMBERS",
    ])];
    for name in names(standing) {
        let known = standing.groups.get(name);
        let members = look
            .present
            .iter()
            .filter(|one| one.service == *name)
            .count();
        let count = |count: Option<u64>| count.map_or(NONE.to_owned(), |count| count.to_string());
        lines.push(group([
            printable(name).as_str(),
            count(known.map(|group| group.waiting)).as_str(),
            count(known.map(|group| group.in_hand)).as_str(),
            count(Some(
                standing.dead_letters.get(name).copied().unwrap_or_default(),
            ))
            .as_str(),
            &match members {
                0 => "nobody answered".to_owned(),
                members => members.to_string(),
            },
        ]));
    }
    lines
}

/// Returns the names of all groups, and of others that have dead letters.
fn names(standing: &StreamStatus) -> std::collections::BTreeSet<&String> {
    let (groups, letters) = (standing.groups.keys(), standing.dead_letters.keys());
    groups.chain(letters).collect()
}

fn group([name, waiting, in_hand, letters, members]: [&str; 5]) -> String {
    format!("{name:<15} {waiting:>9} {in_hand:>9} {letters:>13}  {members}")
}

/// Writes a long time in its two largest units.
fn since(time: Duration) -> String {
    let seconds = time.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m{:02}s", seconds % 60),
        (0, _, _) => format!("{hours}h{:02}m", minutes % 60),
        _ => format!("{days}d{:02}h", hours % 24),
    }
}

/// Writes a short time in the unit that fits.
fn short(time: Duration) -> String {
    match time.as_micros() {
        0 => NONE.to_owned(),
        micros @ 1..1000 => format!("{micros}us"),
        _ if time < Duration::from_secs(10) => format!("{}ms", time.as_millis()),
        _ => format!("{}s", time.as_secs()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{short, since};

    #[test]
    fn times_are_short() {
        for (seconds, text) in [
            (0, "0s"),
            (59, "59s"),
            (61, "1m01s"),
            (3720, "1h02m"),
            (90_000, "1d01h"),
        ] {
            assert_eq!(since(Duration::from_secs(seconds)), text);
        }
        assert_eq!(short(Duration::from_micros(999)), "999us");
        assert_eq!(short(Duration::from_millis(1500)), "1500ms");
        assert_eq!(short(Duration::ZERO), "-");
    }
}
