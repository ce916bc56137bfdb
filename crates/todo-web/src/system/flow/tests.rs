use std::time::Duration;

use super::{SystemTexts, tall, wide};
use crate::{
    system::picture::{Backlog, Done, Group, Member, Picture, Service, Stream},
    texts::{ENGLISH, KOREAN},
};

const ENGLISH_TEXTS: &SystemTexts = &ENGLISH.system;

fn member(name: &str, rate: f64) -> Member {
    let handled = Done {
        total: 10,
        rate: Some(rate),
    };
    Member {
        name: name.to_owned(),
        answers: true,
        handled,
        ..Member::default()
    }
}

fn group(name: &str, waiting: u64, members: Vec<Member>) -> Group {
    Group {
        service: Service {
            name: name.to_owned(),
            members,
            publishes: true,
        },
        backlog: Some(Backlog {
            waiting,
            ..Backlog::default()
        }),
        ..Group::default()
    }
}

fn picture(groups: Vec<Group>) -> Picture {
    let publisher = Service {
        name: "publisher".to_owned(),
        members: vec![member("publisher-1", 0.0)],
        publishes: true,
    };
    Picture {
        taken: tokio::time::Instant::now(),
        at: time::OffsetDateTime::UNIX_EPOCH,
        broker: true,
        database: true,
        stream: Some(Stream {
            events: 12,
            bytes: 1000,
            limit: 2000,
            dead_letters: 0,
            rate: Some(1.0),
        }),
        services: vec![publisher],
        groups,
    }
}

fn both(picture: &Picture) -> [String; 2] {
    [wide(picture, ENGLISH_TEXTS), tall(picture, ENGLISH_TEXTS)]
}

/// The numbers of an attribute of all elements that have `class` as a whole.
fn numbers(svg: &str, class: &str, attribute: &str) -> Vec<f64> {
    let elements = svg.split('<');
    let elements = elements.filter(|element| element.contains(&format!("class=\"{class}\"")));
    let value = |element: &str| {
        let (_, rest) = element.split_once(&format!(" {attribute}=\""))?;
        rest.split_once('"')?.0.parse().ok()
    };
    elements.filter_map(value).collect()
}

#[test]
fn what_is_in_hand_is_part_of_what_waits_and_in_progress_only_while_somebody_works_on_it() {
    let mut saver = group("saver", 40, vec![member("saver-1", 1.0)]);
    saver.backlog.as_mut().unwrap().in_hand = 2;
    for svg in both(&picture(vec![saver.clone()])) {
        assert!(
            svg.contains(">42<") && svg.contains(">2 in progress<"),
            "{svg}"
        );
    }
    saver.service.members[0].answers = false;
    for svg in both(&picture(vec![saver])) {
        assert!(
            svg.contains(">42<") && !svg.contains("in progress"),
            "{svg}"
        );
    }
}

#[test]
fn at_rest_there_are_no_rates_and_no_curve() {
    let mut saver = group("saver", 0, vec![member("saver-1", 0.0)]);
    saver.history = vec![(Duration::from_secs(30), 0), (Duration::ZERO, 0)];
    let mut picture = picture(vec![saver]);
    picture.stream.as_mut().unwrap().rate = Some(0.0);
    for svg in both(&picture) {
        assert!(
            !svg.contains("/s<") && !svg.contains("class=\"curve\""),
            "{svg}"
        );
        assert!(svg.contains(">12 events stored<"));
    }
}

#[test]
fn who_answers_and_waits_for_the_database_is_told_apart() {
    let mut saver = group(
        "saver",
        3,
        vec![member("saver-1", 0.0), member("saver-2", 0.0)],
    );
    saver.service.members[0].waits = true;
    for svg in both(&picture(vec![saver])) {
        assert_eq!(svg.matches("class=\"member waiting\"").count(), 1);
        assert_eq!(svg.matches(">waits for the database<").count(), 1);
    }
}

#[test]
fn the_curve_rises_and_falls_with_what_waited() {
    let mut saver = group("saver", 0, Vec::new());
    let history = [(50, 0), (30, 200), (10, 50), (0, 0)];
    saver.history = history
        .map(|(age, waiting)| (Duration::from_secs(age), waiting))
        .to_vec();
    let svg = wide(&picture(vec![saver]), ENGLISH_TEXTS);
    let (_, course) = svg.split_once("class=\"curve\" d=\"M").unwrap();
    let heights = course.split('"').next().unwrap().split('L').skip(1);
    let heights = heights.map(|point| point.split(' ').nth(1).unwrap().trim_end_matches('Z'));
    let heights: Vec<f64> = heights.map(|y| y.parse().unwrap()).collect();
    let bottom = heights[0];
    // Downwards counts up.
    assert_eq!(
        heights.iter().map(|y| bottom - y).collect::<Vec<_>>(),
        [0.0, 28.0, 7.0, 0.0, 0.0]
    );
    assert!(svg.contains(">up to 200 in a minute<"), "{svg}");
}

#[test]
fn a_member_that_does_not_answer_is_shown_as_missing_and_so_is_a_whole_group() {
    let gone = Member {
        name: "saver-2".to_owned(),
        ..Member::default()
    };
    let members = vec![member("saver-1", 1.0), gone];
    let picture = picture(vec![group("saver", 0, members), group("mail", 7, vec![])]);
    for svg in both(&picture) {
        assert_eq!(svg.matches("class=\"member missing\"").count(), 1);
        assert_eq!(svg.matches(">no answer<").count(), 1);
        assert_eq!(svg.matches(">nobody is there<").count(), 1);
    }
}

#[test]
fn each_member_shows_how_much_it_does() {
    let members = vec![member("saver-1", 40.0), member("saver-2", 0.5)];
    for svg in both(&picture(vec![group("saver", 0, members)])) {
        assert!(svg.contains(">40/s<") && svg.contains(">0.5/s<"), "{svg}");
    }
}

#[test]
fn of_many_members_some_are_drawn_and_among_them_who_is_missing() {
    let mut members: Vec<_> = (10..40)
        .map(|n| member(&format!("saver-{n}"), 1.0))
        .collect();
    members[29].answers = false;
    for svg in both(&picture(vec![group("saver", 0, members)])) {
        assert_eq!(svg.matches("class=\"chip\"").count(), 13);
        assert!(svg.contains("saver-39") && svg.contains(">and 18 more<"));
    }
}

#[test]
fn nothing_is_drawn_outside_of_the_picture() {
    let many = (0..9).map(|n| member(&format!("a-rather-long-name-{n}"), 1e6));
    let groups = vec![
        group("saver", 1_000_000_000, many.collect()),
        group("audit", 1, vec![]),
        group(
            "a-group-with-a-name-that-is-really-much-too-long",
            1,
            vec![],
        ),
    ];
    for groups in [vec![], groups] {
        let picture = picture(groups);
        let drawn = [ENGLISH_TEXTS, &KOREAN.system]
            .map(|texts| [wide(&picture, texts), tall(&picture, texts)]);
        for svg in drawn.as_flattened() {
            let (_, size) = svg.split_once("viewBox=\"0 0 ").unwrap();
            let mut size = size.split(['"', ' ']).map(str::parse::<f64>);
            let (width, height) = (size.next().unwrap().unwrap(), size.next().unwrap().unwrap());
            for class in ["box", "chip", "track", "load"] {
                let [x, y, w, h] =
                    ["x", "y", "width", "height"].map(|name| numbers(svg, class, name));
                for index in 0..x.len() {
                    let inside = x[index] >= 0.0
                        && x[index] + w[index] <= width
                        && y[index] + h[index] <= height;
                    assert!(inside, "{class} {index}: {svg}");
                }
            }
        }
    }
}

#[test]
fn what_is_away_is_told() {
    let mut picture = picture(vec![]);
    (picture.broker, picture.database, picture.stream) = (false, false, None);
    for svg in both(&picture) {
        assert_eq!(svg.matches(">cannot be reached<").count(), 2);
    }
}
