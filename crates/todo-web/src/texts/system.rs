//! The texts of the page of the whole system.

use std::time::Duration;

/// The words of one language for `/system`.
pub(crate) struct SystemTexts {
    /// The page's title, also of the link to it, and its introduction.
    pub(crate) title: &'static str,
    pub(crate) about: &'static str,
    /// The time at which the picture was taken, in UTC.
    pub(crate) as_of: fn(&str) -> String,
    /// The way to a newer picture without the script, and the connection's state with it.
    pub(crate) reload: &'static str,
    pub(crate) live: &'static str,
    pub(crate) offline: &'static str,

    /// The picture's description, for visitors who cannot see it.
    pub(crate) picture: &'static str,
    pub(crate) all_well: fn(usize) -> String,
    pub(crate) broker_away: &'static str,
    pub(crate) database_away: &'static str,
    pub(crate) standing_unknown: &'static str,
    pub(crate) no_answer_of: fn(&str) -> String,
    pub(crate) nobody_of: fn(&str) -> String,

    pub(crate) services: &'static str,
    pub(crate) stream: &'static str,
    pub(crate) groups: &'static str,
    pub(crate) database: &'static str,

    pub(crate) no_answer: &'static str,
    pub(crate) nobody: &'static str,
    pub(crate) no_groups: &'static str,
    pub(crate) and_more: fn(usize) -> String,
    pub(crate) reachable: &'static str,
    pub(crate) unreachable: &'static str,
    pub(crate) not_known: &'static str,

    /// So much a second; the number is written already.
    pub(crate) rate: fn(&str) -> String,
    pub(crate) age: fn(Duration) -> String,
    /// The texts behind, or before, a number.
    pub(crate) waiting: &'static str,
    pub(crate) in_hand: fn(&str) -> String,
    pub(crate) oldest: fn(&str) -> String,
    pub(crate) dead_letters: fn(&str) -> String,
    pub(crate) stored: fn(&str) -> String,
    pub(crate) filled: fn(&str, &str) -> String,
    pub(crate) saves: fn(&str) -> String,
    /// Below a curve: the most of the last minute.
    pub(crate) most: fn(&str) -> String,

    pub(crate) figures: &'static str,
    pub(crate) group_columns: [&'static str; 8],
    pub(crate) member_columns: [&'static str; 7],
    pub(crate) answers: &'static str,
    /// Of a member that answers, and can do nothing for now.
    pub(crate) waits: &'static str,
}

/// In English.
pub(super) const ENGLISH: SystemTexts = SystemTexts {
    title: "Live flow",
    about: "Every change is an event. Publishers put it into the stream, each group gets all of them, \
            and its members share the work.",
    as_of: |time| format!("As of {time} UTC."),
    reload: "Reload the page to see how it is by then.",
    live: "Live",
    offline: "Not connected. This is how it was last.",

    picture: "The flow of events from the publishers over the stream to the groups and the database. \
              The tables below have the same figures.",
    all_well: |members| match members {
        1 => "The one member answers.".to_owned(),
        members => format!("All {members} members answer."),
    },
    broker_away: "The broker cannot be reached: nothing can be published, and nobody can be asked.",
    database_away: "The database cannot be reached: what is published waits in the stream.",
    standing_unknown: "The broker did not say in time how far the groups are.",
    no_answer_of: |member| format!("{member} does not answer."),
    nobody_of: |group| format!("Nobody of {group} is there: its events wait."),

    services: "Services",
    stream: "Stream",
    groups: "Groups",
    database: "Database",

    no_answer: "no answer",
    nobody: "nobody is there",
    no_groups: "There is no group yet.",
    and_more: |count| format!("and {count} more"),
    reachable: "reachable",
    unreachable: "cannot be reached",
    not_known: "not known",

    rate: |number| format!("{number}/s"),
    age: |age| match (
        age.as_secs() / 3600,
        age.as_secs() / 60 % 60,
        age.as_secs() % 60,
    ) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    },
    waiting: "waiting",
    in_hand: |count| format!("{count} in progress"),
    oldest: |age| format!("oldest {age}"),
    dead_letters: |count| match count {
        "1" => "1 dead letter".to_owned(),
        count => format!("{count} dead letters"),
    },
    stored: |count| match count {
        "1" => "1 event stored".to_owned(),
        count => format!("{count} events stored"),
    },
    filled: |percent, limit| format!("{percent} of {limit}"),
    saves: |rate| format!("saved {rate}"),
    most: |count| format!("up to {count} in a minute"),

    figures: "Details",
    group_columns: [
        "Group",
        "Members",
        "Handled",
        "Waiting",
        "In progress",
        "Oldest",
        "Dead letters",
        "Saved",
    ],
    member_columns: [
        "Service",
        "Member",
        "State",
        "Started",
        "Handled",
        "Published",
        "In progress",
    ],
    answers: "answers",
    waits: "waits for the database",
};

/// In Korean.
pub(super) const KOREAN: SystemTexts = SystemTexts {
    title: "시스템 현황",
    about: "모든 변경은 이벤트예요. 발행자가 스트림에 넣으면 그룹마다 모든 이벤트를 받고, 그룹의 \
            멤버들이 일을 나눠요.",
    as_of: |time| format!("UTC {time} 기준이에요."),
    reload: "지금 상태를 보려면 페이지를 새로고침해 주세요.",
    live: "실시간",
    offline: "연결이 끊겼어요. 마지막으로 받은 상태를 보여 드리고 있어요.",

    picture: "이벤트가 발행자에서 스트림을 거쳐 그룹과 데이터베이스로 흐르는 그림이에요. 같은 수치가 \
              아래 표에 있어요.",
    all_well: |members| format!("멤버 {members}개가 모두 응답하고 있어요."),
    broker_away: "브로커에 연결할 수 없어요. 발행할 수 없고 상태를 물어볼 수도 없어요.",
    database_away: "데이터베이스에 연결할 수 없어요. 발행된 이벤트는 스트림에서 기다려요.",
    standing_unknown: "그룹이 어디까지 처리했는지 브로커가 제때 알려 주지 않았어요.",
    no_answer_of: |member| format!("{member}: 응답이 없어요."),
    nobody_of: |group| format!("{group}: 멤버가 없어서 이벤트가 기다리고 있어요."),

    services: "서비스",
    stream: "스트림",
    groups: "그룹",
    database: "데이터베이스",

    no_answer: "응답 없음",
    nobody: "멤버 없음",
    no_groups: "아직 그룹이 없어요.",
    and_more: |count| format!("외 {count}개"),
    reachable: "연결됨",
    unreachable: "연결할 수 없음",
    not_known: "알 수 없음",

    rate: |number| format!("{number}건/초"),
    age: |age| match (
        age.as_secs() / 3600,
        age.as_secs() / 60 % 60,
        age.as_secs() % 60,
    ) {
        (0, 0, seconds) => format!("{seconds}초"),
        (0, minutes, seconds) => format!("{minutes}분 {seconds}초"),
        (hours, minutes, _) => format!("{hours}시간 {minutes}분"),
    },
    waiting: "대기",
    in_hand: |count| format!("처리 중 {count}"),
    oldest: |age| format!("최장 대기 {age}"),
    dead_letters: |count| format!("데드 레터 {count}"),
    stored: |count| format!("이벤트 {count}개 보관"),
    filled: |percent, limit| format!("{limit} 중 {percent}"),
    saves: |rate| format!("저장 완료 이벤트 {rate}"),
    most: |count| format!("최근 1분 최대 {count}"),

    figures: "자세히",
    group_columns: [
        "그룹",
        "멤버",
        "처리",
        "대기",
        "처리 중",
        "최장 대기",
        "데드 레터",
        "저장 완료",
    ],
    member_columns: ["서비스", "멤버", "상태", "시작", "처리", "발행", "처리 중"],
    answers: "응답함",
    waits: "데이터베이스 대기",
};
