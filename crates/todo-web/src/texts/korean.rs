//! Korean.

use events::{
    Event, InvalidText, ItemCompleted, ItemDeleted, ItemMoved, ItemRenamed, ItemReopened,
    ItemRestored, ItemSaved, NewItem,
};

use super::{Texts, system};
use crate::{
    app::{NotAccepted, Unread},
    refusal::{Reason, Wanted},
    view::Show,
};

/// The texts in Korean, in the polite informal style.
pub(crate) const KOREAN: Texts = Texts {
    lang: "ko",
    title: "할 일",
    skip_to_content: "본문으로 건너뛰기",

    left: |_| "개 남았어요",
    filter: |show| match show {
        Show::All => "전체",
        Show::Active => "남은 일",
        Show::Completed => "완료한 일",
    },
    mark_all: "모두 완료로 표시",
    clear: "완료한 일 지우기",
    list: "할 일 목록",
    ways: "페이지",
    nav_list: "목록",
    all_lists: "모든 목록",
    default_list: "기본 목록",
    list_counts: |left, done| format!("{left}개 남음, {done}개 완료"),
    many_items: "1,000개 넘음",
    list_hint: "할 일을 추가하면 목록이 만들어져요.",
    lists_unread: |why| match why {
        Unread::Away => {
            "지금은 데이터베이스에 연결할 수 없어서 목록들을 보여 드릴 수 없어요. 이름을 입력해서 열 수는 있어요."
        }
        Unread::Broken => {
            "데이터베이스가 응답을 거부해서 목록들을 보여 드릴 수 없어요. 문제를 기록해 두었어요."
        }
    },
    another_list: "다른 목록 이름",
    open_list: "열기",
    unsaved: |count| {
        format!("접수된 변경 {count}개가 아직 저장되지 않았어요. 저장되는 대로 목록에 나타나요.")
    },
    empty_list: "아직 할 일이 없어요. 위에서 첫 번째 할 일을 추가해 보세요.",
    empty_page: "더 이상 할 일이 없어요.",
    unread: |why| match why {
        Unread::Away => {
            "지금은 데이터베이스에 연결할 수 없어서 목록을 보여 드릴 수 없어요. 할 일은 계속 추가할 수 있고, \
             다시 연결되면 목록에 나타나요."
        }
        Unread::Broken => {
            "데이터베이스가 응답을 거부해서 목록을 보여 드릴 수 없어요. 문제를 기록해 두었고, 할 일은 계속 \
             추가할 수 있어요."
        }
    },
    newest: |count| format!("가장 최근 {count}개만 보여 드리고 있어요."),
    whole_list: "전체 목록 보기",
    first_page: "첫 페이지",
    next_page: "다음 페이지",
    back_home: "목록으로 돌아가기",

    new_item: "새 할 일",
    item_label: "무엇을 해야 하나요?",
    item_hint: |limit| format!("최대 {limit}자까지 쓸 수 있어요. 지금은 #자예요."),
    add: "추가",

    complete: "완료로 표시",
    reopen: "미완료로 되돌리기",
    change: "수정",
    edit: "내용 수정",
    rename_title: "할 일 수정",
    rename_label: "내용",
    rename: "저장",
    cancel: "취소",
    up: "위로 옮기기",
    down: "아래로 옮기기",
    delete: "삭제",
    deleted: "삭제했어요.",
    undo: "되돌리기",
    added_when: "추가한 때",
    history: "변경 기록",
    happened: |subject| match subject {
        NewItem::SUBJECT => "추가함",
        ItemRenamed::SUBJECT => "내용을 수정함",
        ItemCompleted::SUBJECT => "완료함",
        ItemReopened::SUBJECT => "미완료로 되돌림",
        ItemMoved::SUBJECT => "자리를 옮김",
        ItemDeleted::SUBJECT => "삭제함",
        ItemRestored::SUBJECT => "삭제를 되돌림",
        ItemSaved::SUBJECT => "저장됨",
        _ => "알 수 없는 이벤트",
    },
    history_empty: "이 할 일에 대한 감사 기록이 아직 없어요.",
    history_not_kept: "남겨진 기록이 없어요. 모든 이벤트를 기록하는 audit-handler가 실행된 적이 없어요.",
    history_unread: "지금은 기록을 보여 드릴 수 없어요. 기록이 사라진 것은 아니에요.",

    accepted: "접수했어요. 저장되면 목록에 나타나요.",
    added: "목록에 추가했어요.",
    show_it: "보러 가기",
    change_accepted: "변경 사항을 접수했어요. 저장되는 대로 목록에 반영돼요.",

    saving: "저장하는 중…",
    waiting: "연결을 기다리는 중",
    refused: "접수할 수 없었어요. 필요한 내용은 복사해 두세요.",
    gone: "(그동안 삭제된 할 일이에요.)",
    dismiss: "닫기",
    foreign: "목록 대신 로그인 페이지 같은 다른 곳에서 응답하고 있어요. 바꾼 내용은 여기에 보관하고 있으니, \
              페이지를 새로고침해서 확인해 주세요.",
    saved: "저장했어요",
    removed: "삭제했어요",
    offline: "연결이 끊겼어요. 계속 사용하셔도 돼요. 바꾼 내용은 여기에 보관했다가 다시 연결되면 보내요.",

    not_accepted: |why| match why {
        NotAccepted::Away => {
            "메시지 브로커에 연결할 수 없어서 지금은 접수할 수 없어요. 입력한 내용은 그대로 있으니 잠시 후 다시 \
             시도해 주세요."
        }
        NotAccepted::Full => {
            "저장을 기다리는 변경이 너무 많아서 지금은 접수할 수 없어요. 입력한 내용은 그대로 있으니 몇 분 뒤에 \
             다시 시도해 주세요."
        }
        NotAccepted::Unconfirmed => {
            "메시지 브로커가 제때 응답하지 않아서 접수되었는지 알 수 없어요. 입력한 내용은 그대로 있으니 다시 보내 \
             주세요. 두 번 추가되지는 않아요."
        }
    },
    stale_key: "보내신 양식을 읽을 수 없어요. 입력한 내용은 그대로 있으니 한 번 더 보내 주세요.",
    try_again: "다시 시도",
    invalid: |invalid| match invalid {
        InvalidText::Blank => "내용이 비어 있어요. 할 일을 입력해 주세요.".to_owned(),
        InvalidText::Dots => {
            "점 하나나 둘로 된 이름은 쓸 수 없어요. 다른 이름을 입력해 주세요.".to_owned()
        }
        InvalidText::TooLong { limit, length } => format!(
            "{limit}자까지 쓸 수 있는데 {length}자를 입력했어요. {}자를 줄여 주세요.",
            length - limit
        ),
        InvalidText::Control(control) => format!(
            "눈에 보이지 않는 문자(U+{:04X})가 들어 있어요. 그 문자를 지우거나 내용을 다시 입력해 주세요.",
            u32::from(control)
        ),
    },
    invalid_name: |invalid| match invalid {
        InvalidText::Blank => "목록 이름이 비어 있어요. 이름을 입력해 주세요.".to_owned(),
        InvalidText::Dots => {
            "점 하나나 둘만으로는 목록 이름을 지을 수 없어요. 다른 이름을 입력해 주세요.".to_owned()
        }
        InvalidText::TooLong { limit, length } => {
            format!("목록 이름은 {limit}자까지 쓸 수 있는데 {length}자를 입력했어요.")
        }
        InvalidText::Control(control) => format!(
            "목록 이름에 눈에 보이지 않는 문자(U+{:04X})가 들어 있어요. 그 문자를 지워 주세요.",
            u32::from(control)
        ),
    },
    refusal: |reason| match reason {
        Reason::BadRequest => (
            "이해할 수 없는 요청이에요",
            "목록으로 돌아가서 양식이나 링크를 이용해 주세요.",
        ),
        Reason::BadPage => (
            "목록에 그런 페이지는 없어요",
            "주소에 적힌 위치가 올바르지 않아요. 첫 페이지부터 다시 봐 주세요.",
        ),
        Reason::NotFound => (
            "이 주소에는 아무것도 없어요",
            "주소를 잘못 입력하지 않았는지 확인하거나 목록으로 돌아가 주세요.",
        ),
        Reason::UnknownItem => (
            "그런 할 일은 없어요",
            "이미 삭제되었거나 아직 저장되지 않았을 수 있어요. 바뀐 것은 없어요.",
        ),
        Reason::WrongMethod => (
            "이 주소는 그렇게 사용할 수 없어요",
            "목록으로 돌아가서 양식이나 링크를 이용해 주세요.",
        ),
        Reason::WrongType => (
            "양식 형식이 아니에요",
            "내용을 양식(application/x-www-form-urlencoded)으로 보내 주세요. 바뀐 것은 없어요.",
        ),
        Reason::TooLarge => (
            "내용이 너무 길어요",
            "양식은 16KiB, 할 일은 256자까지 보낼 수 있어요. 내용을 줄여 주세요. 바뀐 것은 없어요.",
        ),
        Reason::TooSlow => (
            "요청이 도착하는 데 너무 오래 걸렸어요",
            "다시 한번 보내 주세요.",
        ),
        Reason::Foreign => (
            "다른 사이트에서 보낸 양식이에요",
            "아무것도 바뀌지 않았어요. 이곳에서 목록을 열고 다시 시도해 주세요.",
        ),
        Reason::Busy => ("지금 방문자가 너무 많아요", "잠시 후 다시 시도해 주세요."),
        Reason::DatabaseAway(Wanted::Item) => (
            "데이터베이스에 연결할 수 없어서 할 일을 보여 드릴 수 없어요",
            "접수된 변경 사항은 보관되고, 다시 연결되면 저장돼요. 잠시 후 페이지를 새로고침해 주세요.",
        ),
        Reason::DatabaseAway(Wanted::EachItem) => (
            "데이터베이스에 연결할 수 없어서 지금은 할 수 없어요",
            "어떤 할 일이 있는지 알 수 없어서 아무것도 바꾸지 않았어요. 잠시 후 다시 시도해 주세요.",
        ),
        Reason::NotAccepted(NotAccepted::Away) => (
            "메시지 브로커에 연결할 수 없어서 지금은 변경 사항을 접수할 수 없어요",
            "이 페이지를 닫지 말고 잠시 후 다시 시도해 주세요.",
        ),
        Reason::NotAccepted(NotAccepted::Full) => (
            "저장을 기다리는 변경이 너무 많아서 지금은 변경 사항을 접수할 수 없어요",
            "이 페이지를 닫지 말고 몇 분 뒤에 다시 시도해 주세요.",
        ),
        Reason::NotAccepted(NotAccepted::Unconfirmed) => (
            "변경 사항이 접수되었는지 알 수 없어요",
            "메시지 브로커가 제때 응답하지 않았어요. 다시 시도해 주세요. 두 번 바뀌지는 않아요.",
        ),
        Reason::Internal => (
            "서비스에 문제가 생겼어요",
            "저희 쪽 문제이고, 기록해 두었어요. 나중에 다시 시도해 주세요.",
        ),
    },

    system: system::KOREAN,

    just_now: "방금",
    minutes_ago: |minutes| format!("{minutes}분 전"),
    hours_ago: |hours| format!("{hours}시간 전"),
    moment: |at| {
        let (hour, minute, second) = at.time().as_hms();
        format!(
            "{}년 {}월 {}일 {hour:02}:{minute:02}:{second:02} UTC",
            at.year(),
            u8::from(at.month()),
            at.day()
        )
    },
};
