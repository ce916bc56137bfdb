//! The picture's content as tables.

use time::OffsetDateTime;

use super::{
    figures::{self, UNKNOWN},
    picture::{Backlog, Done, Group, Member, Picture, Service},
};
use crate::{
    texts::{SystemTexts, Texts},
    when::When,
};

/// A group.
pub(super) struct GroupRow {
    pub(super) name: String,
    pub(super) cells: [String; 7],
}

/// A member of a service.
pub(super) struct MemberRow {
    pub(super) service: String,
    pub(super) name: String,
    pub(super) state: &'static str,
    pub(super) class: &'static str,
    /// None for a member that does not answer.
    pub(super) started: Option<When>,
    pub(super) cells: [String; 3],
}

/// The faults that the picture shows.
pub(super) fn alarms(picture: &Picture, texts: &SystemTexts) -> Vec<String> {
    let mut alarms = Vec::new();
    if !picture.broker {
        // Nothing else is known without the broker.
        alarms.push(texts.broker_away.to_owned());
    }
    if !picture.database {
        alarms.push(texts.database_away.to_owned());
    }
    if picture.broker && picture.stream.is_none() {
        alarms.push(texts.standing_unknown.to_owned());
    }
    if picture.broker {
        let missing = picture.missing();
        alarms.extend(missing.map(|member| (texts.no_answer_of)(&member.name)));
        let deserted = picture.groups.iter().map(|group| &group.service);
        let deserted = deserted.filter(|service| service.answering() == 0);
        alarms.extend(deserted.map(|service| (texts.nobody_of)(&service.name)));
    }
    alarms
}

pub(super) fn groups(picture: &Picture, texts: &SystemTexts) -> Vec<GroupRow> {
    let row = |group: &Group| {
        let Group {
            service, backlog, ..
        } = group;
        let count = |count: Option<u64>| count.map_or(UNKNOWN.to_owned(), figures::count);
        let rate = |rate| figures::flowing(rate, texts).unwrap_or(UNKNOWN.to_owned());
        let backlog = backlog.map(|backlog| Backlog {
            waiting: waiting(group, backlog),
            in_hand: backlog.unsettled() - waiting(group, backlog),
            ..backlog
        });
        GroupRow {
            name: service.name.clone(),
            cells: [
                answering(service),
                rate(service.handling()),
                count(backlog.map(|backlog| backlog.waiting)),
                count(backlog.map(|backlog| backlog.in_hand)),
                figures::age(backlog.and_then(|backlog| backlog.oldest), texts)
                    .unwrap_or(UNKNOWN.to_owned()),
                figures::count(group.dead_letters),
                rate(service.publishing()),
            ],
        }
    };
    picture.groups.iter().map(row).collect()
}

/// The number of waiting events, including delivered ones if no member works on them.
fn waiting(group: &Group, backlog: Backlog) -> u64 {
    if group.is_at_work() {
        backlog.waiting
    } else {
        backlog.unsettled()
    }
}

/// The number of members that answered, of those that are expected.
fn answering(service: &Service) -> String {
    match (service.answering(), service.members.len()) {
        (answering, all) if answering == all => all.to_string(),
        (answering, all) => format!("{answering}/{all}"),
    }
}

pub(super) fn members(picture: &Picture, now: OffsetDateTime, texts: &Texts) -> Vec<MemberRow> {
    let row = |service: &Service, member: &Member| MemberRow {
        service: service.name.clone(),
        name: member.name.clone(),
        state: match (member.answers, member.waits) {
            (false, _) => texts.system.no_answer,
            (true, true) => texts.system.waits,
            (true, false) => texts.system.answers,
        },
        class: match (member.answers, member.waits) {
            (false, _) => "missing",
            (true, true) => "waiting",
            (true, false) => "",
        },
        started: member.since.map(|since| When::new(since, now, texts)),
        cells: if member.answers {
            [
                done(member.handled, &texts.system),
                done(member.published, &texts.system),
                figures::count(member.in_flight),
            ]
        } else {
            [UNKNOWN; 3].map(str::to_owned)
        },
    };
    let services = picture.everybody();
    let rows = services.flat_map(|service| {
        let members = service.members.iter();
        members.map(move |member| row(service, member))
    });
    rows.collect()
}

/// Formats a count and its rate.
fn done(done: Done, texts: &SystemTexts) -> String {
    match done {
        Done { total: 0, .. } => UNKNOWN.to_owned(),
        Done { total, rate } => match figures::flowing(rate, texts) {
            None => figures::count(total),
            Some(rate) => format!("{} ({rate})", figures::count(total)),
        },
    }
}
