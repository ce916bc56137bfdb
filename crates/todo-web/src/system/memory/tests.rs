use tokio::time::advance;

use super::{Backlog, Duration, MemberInfo, Memory, OffsetDateTime, Picture, Seen, Stock, Work};

fn work(name: &str, handled: u64) -> Work {
    Work {
        name: name.to_owned(),
        subject: String::new(),
        handled,
        retried: 0,
        failed: 0,
        in_flight: 0,
        away: None,
        average: Duration::ZERO,
        last_error: None,
    }
}

fn present(service: &str, member: &str, work: Vec<Work>) -> MemberInfo {
    MemberInfo {
        service: service.to_owned(),
        member: member.to_owned(),
        version: String::new(),
        started: OffsetDateTime::UNIX_EPOCH,
        work,
    }
}

/// A sample with these members, in which the group `saver` has a consumer.
fn seen(present: Vec<MemberInfo>, last_sequence: u64, waiting: u64) -> Seen {
    let backlog = Backlog {
        waiting,
        ..Backlog::default()
    };
    Seen {
        present: Some(present),
        standing: Some(Stock {
            last_sequence,
            groups: [("saver".to_owned(), backlog)].into(),
            ..Stock::default()
        }),
        database: true,
    }
}

fn names(picture: &Picture) -> Vec<(&str, bool)> {
    let members = picture.everybody().flat_map(|service| &service.members);
    members
        .map(|member| (member.name.as_str(), member.answers))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_rate_is_what_came_between_two_looks() {
    let mut memory = Memory::default();
    let mut look = |handled, published, sequence| {
        let members = vec![
            present("saver", "saver-1", vec![work("saver", handled)]),
            present("web", "web-1", vec![work("publish", published)]),
        ];
        memory.picture(seen(members, sequence, 0))
    };
    let first = look(100, 7, 50);
    assert_eq!((first.handling(), first.publishing()), (None, None));
    assert_eq!(first.stream.unwrap().rate, None);
    advance(Duration::from_secs(2)).await;
    let second = look(120, 8, 80);
    assert_eq!(second.handling(), Some(10.0));
    assert_eq!(second.publishing(), Some(0.5));
    assert_eq!(second.stream.unwrap().rate, Some(15.0));
    // Over five seconds, and not over the last one.
    advance(Duration::from_secs(1)).await;
    assert_eq!(look(150, 8, 80).handling(), Some(50.0 / 3.0));
    // If nobody looked for longer, since somebody last did.
    advance(Duration::from_secs(20)).await;
    assert_eq!(look(170, 8, 80).handling(), Some(1.0));
    // It was started again, and counts anew.
    advance(Duration::from_secs(1)).await;
    assert_eq!(look(3, 8, 80).handling(), None);
}

#[tokio::test(start_paused = true)]
async fn whoever_answered_is_missing_for_a_minute_and_then_forgotten() {
    let mut memory = Memory::default();
    let saver = |n| present("saver", n, vec![work("saver", 1)]);
    memory.picture(seen(vec![saver("saver-1"), saver("saver-2")], 1, 0));
    advance(Duration::from_secs(30)).await;
    let picture = memory.picture(seen(vec![saver("saver-1")], 1, 0));
    assert_eq!(names(&picture), [("saver-1", true), ("saver-2", false)]);
    advance(Duration::from_secs(31)).await;
    let picture = memory.picture(seen(vec![saver("saver-1"), saver("saver-3")], 1, 0));
    assert_eq!(names(&picture), [("saver-1", true), ("saver-3", true)]);
}

#[tokio::test(start_paused = true)]
async fn while_the_broker_is_away_nobody_answers_and_nothing_is_forgotten() {
    let mut memory = Memory::default();
    let saver = present("saver", "saver-1", vec![work("saver", 1)]);
    let web = present("web", "web-1", vec![work("publish", 1)]);
    memory.picture(seen(vec![saver, web], 1, 5));
    advance(Duration::from_mins(5)).await;
    let picture = memory.picture(Seen::default());
    assert!(!picture.broker && picture.stream.is_none());
    assert_eq!(names(&picture), [("web-1", false), ("saver-1", false)]);
    assert!(picture.services[0].publishes);
    assert_eq!(
        picture.groups[0].backlog, None,
        "how much waits is not known"
    );
}

#[tokio::test(start_paused = true)]
async fn a_group_is_there_without_members_and_remembers_what_waited() {
    let mut memory = Memory::default();
    for waiting in [0, 4, 9] {
        memory.picture(seen(vec![], 1, waiting));
        advance(Duration::from_secs(25)).await;
    }
    let picture = memory.picture(seen(vec![], 1, 2));
    let [saver] = &picture.groups[..] else {
        panic!("{picture:?}")
    };
    assert!(saver.service.members.is_empty());
    let history: Vec<_> = saver
        .history
        .iter()
        .map(|(age, count)| (age.as_secs(), *count))
        .collect();
    assert_eq!(history, [(50, 4), (25, 9), (0, 2)]);
}

#[tokio::test(start_paused = true)]
async fn without_the_database_whoever_holds_events_waits_and_what_it_holds_is_not_settled() {
    let mut memory = Memory::default();
    let holding = |in_flight| Work {
        in_flight,
        ..work("saver", 1)
    };
    let mut look = |database| {
        let members = vec![
            present("saver", "saver-1", vec![holding(2)]),
            present("saver", "saver-2", vec![holding(0)]),
            present("web", "web-1", vec![work("publish", 1)]),
        ];
        let mut seen = seen(members, 1, 5);
        seen.database = database;
        seen.standing
            .as_mut()
            .unwrap()
            .groups
            .get_mut("saver")
            .unwrap()
            .in_hand = 2;
        memory.picture(seen)
    };
    let waits = |picture: &Picture| {
        let members = picture.everybody().flat_map(|service| &service.members);
        members.map(|member| member.waits).collect::<Vec<_>>()
    };
    assert_eq!(waits(&look(true)), [false; 3]);
    let away = look(false);
    assert_eq!(waits(&away), [false, true, false]);
    assert_eq!(away.groups[0].history.last().unwrap().1, 7);
}
