//! English.

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

/// The texts in English.
pub(crate) const ENGLISH: Texts = Texts {
    lang: "en",
    title: "To do",
    skip_to_content: "Skip to the content",

    left: |count| match count {
        1 => " item left",
        _ => " items left",
    },
    filter: |show| match show {
        Show::All => "All",
        Show::Active => "Active",
        Show::Completed => "Completed",
    },
    mark_all: "Mark all as complete",
    clear: "Clear completed",
    list: "The list",
    ways: "Pages",
    nav_list: "List",
    all_lists: "Lists",
    default_list: "Default list",
    list_counts: |left, done| format!("{left} left, {done} done"),
    many_items: "more than 1,000 items",
    list_hint: "A list is there as soon as something is added to it.",
    lists_unread: |why| match why {
        Unread::Away => {
            "The lists cannot be shown because the database is away. You can open one by its name."
        }
        Unread::Broken => {
            "The lists cannot be shown because the database refuses to tell. It has been written down."
        }
    },
    another_list: "Name of another list",
    open_list: "Open",
    unsaved: |count| match count {
        1 => "1 accepted, not saved yet. It shows as soon as it is saved.".to_owned(),
        count => format!("{count} accepted, not saved yet. They show as soon as they are saved."),
    },
    empty_list: "Nothing to do yet. Add the first item above.",
    empty_page: "There are no more items.",
    unread: |why| match why {
        Unread::Away => {
            "The list shows nothing because the database is away. You can still add items: they appear as \
             soon as it is back."
        }
        Unread::Broken => {
            "The list shows nothing because the database refuses to tell. It has been written down; you \
             can still add items."
        }
    },
    newest: |count| format!("These are the newest {count}."),
    whole_list: "Show the whole list",
    first_page: "First page",
    next_page: "Next page",
    back_home: "Back to the list",

    new_item: "New item",
    item_label: "What needs to be done?",
    item_hint: |limit| format!("Up to {limit} characters: you have #."),
    add: "Add",

    complete: "Mark as done",
    reopen: "Mark as not done",
    change: "Change",
    edit: "Edit",
    rename_title: "Change an item",
    rename_label: "Text",
    rename: "Save",
    cancel: "Cancel",
    up: "Move up",
    down: "Move down",
    delete: "Delete",
    deleted: "Deleted.",
    undo: "Undo",
    added_when: "Added",
    history: "What happened",
    happened: |subject| match subject {
        NewItem::SUBJECT => "Added",
        ItemRenamed::SUBJECT => "Text changed",
        ItemCompleted::SUBJECT => "Done",
        ItemReopened::SUBJECT => "Not done after all",
        ItemMoved::SUBJECT => "Moved",
        ItemDeleted::SUBJECT => "Deleted",
        ItemRestored::SUBJECT => "Brought back",
        ItemSaved::SUBJECT => "Saved",
        _ => "Something else",
    },
    history_empty: "The audit has nothing about this item yet.",
    history_not_kept: "Nobody has kept a history here: the audit-handler, which writes down every event, \
                       has not run.",
    history_unread: "The history cannot be shown right now. Nothing of it is lost.",

    accepted: "Accepted. It will appear in the list when it is saved.",
    added: "Added to the list.",
    show_it: "Show it",
    change_accepted: "Your change is accepted. It shows as soon as it is saved.",

    saving: "saving…",
    waiting: "waiting for the connection",
    refused: "This could not be accepted. Copy what you still need:",
    gone: "(The item was deleted meanwhile.)",
    dismiss: "Dismiss",
    foreign: "Something else answers in place of the list, perhaps a sign-in page. Your changes are kept \
              here: reload the page to see what it wants.",
    saved: "Saved",
    removed: "Removed",
    offline: "Not connected. You can go on: your changes are kept here and sent as soon as the \
              connection is back.",

    not_accepted: |why| match why {
        NotAccepted::Away => {
            "This cannot be accepted right now, because the message broker cannot be reached. Your text \
             is kept: please try again in a moment."
        }
        NotAccepted::Full => {
            "This cannot be accepted right now, because so many changes wait to be saved that there is no \
             room for more. Your text is kept: please try again in a few minutes."
        }
        NotAccepted::Unconfirmed => {
            "The message broker did not say in time whether this was accepted. Your text is kept: please \
             send it again. It will not be there twice."
        }
    },
    stale_key: "This form could not be read as it was sent. Your text is kept: please send it again.",
    try_again: "Try again",
    invalid: |invalid| match invalid {
        InvalidText::Blank => "There is no text yet. Type what there is to do.".to_owned(),
        InvalidText::Dots => {
            "A name made of one or two dots cannot be used. Type another one.".to_owned()
        }
        InvalidText::TooLong { limit, length } => format!(
            "The text has {length} characters, {} more than the {limit} that fit. Shorten it.",
            length - limit
        ),
        InvalidText::Control(control) => format!(
            "The text has a character that cannot be seen (U+{:04X}). Remove it, or type the text \
             again.",
            u32::from(control)
        ),
    },
    invalid_name: |invalid| match invalid {
        InvalidText::Blank => "A list needs a name. Type one.".to_owned(),
        InvalidText::Dots => {
            "A list cannot be called by one or two dots alone. Type another name.".to_owned()
        }
        InvalidText::TooLong { limit, length } => {
            format!("The name of a list has up to {limit} characters; this one has {length}.")
        }
        InvalidText::Control(control) => format!(
            "The name of the list has a character that cannot be seen (U+{:04X}). Remove it.",
            u32::from(control)
        ),
    },
    refusal: |reason| match reason {
        Reason::BadRequest => (
            "This request makes no sense",
            "Go back to the list and use its forms and links.",
        ),
        Reason::BadPage => (
            "There is no such page of the list",
            "The address has a bad place to continue after. Start at the first page.",
        ),
        Reason::NotFound => (
            "There is nothing at this address",
            "Check it for a typing error, or go back to the list.",
        ),
        Reason::UnknownItem => (
            "There is no such item",
            "It may have been deleted, or it is not saved yet. Nothing was changed.",
        ),
        Reason::WrongMethod => (
            "This address cannot be used that way",
            "Go back to the list and use its forms and links.",
        ),
        Reason::WrongType => (
            "This is not a form",
            "Send the fields as a form (application/x-www-form-urlencoded). Nothing was changed.",
        ),
        Reason::TooLarge => (
            "This is too much text",
            "A form may have up to 16 KiB, and an item up to 256 characters. Shorten it; nothing was \
             changed.",
        ),
        Reason::TooSlow => (
            "The request took too long to arrive",
            "Please send it again.",
        ),
        Reason::Foreign => (
            "This form came from another site",
            "Nothing was changed. Please open the list here and try again.",
        ),
        Reason::Busy => ("Too many visitors at once", "Please try again in a moment."),
        Reason::DatabaseAway(Wanted::Item) => (
            "The item cannot be shown: the database is away",
            "What was accepted is kept and saved as soon as it is back. Please reload this page in a moment.",
        ),
        Reason::DatabaseAway(Wanted::EachItem) => (
            "This cannot be done right now: the database is away",
            "It knows which items there are. Nothing was changed: please try again in a moment.",
        ),
        Reason::NotAccepted(NotAccepted::Away) => (
            "Your change cannot be accepted right now: the message broker is away",
            "It is not lost if you keep this page open: please try again in a moment.",
        ),
        Reason::NotAccepted(NotAccepted::Full) => (
            "Your change cannot be accepted right now: there is no room",
            "Too many changes wait to be saved. It is not lost if you keep this page open: please try \
             again in a few minutes.",
        ),
        Reason::NotAccepted(NotAccepted::Unconfirmed) => (
            "It is not known whether your change was accepted",
            "The message broker did not answer in time. Please try again: it will not be made twice.",
        ),
        Reason::Internal => (
            "Something is broken here",
            "It is not your fault, and it has been written down. Please try again later.",
        ),
    },

    system: system::ENGLISH,

    just_now: "just now",
    minutes_ago: |minutes| format!("{minutes} min ago"),
    hours_ago: |hours| format!("{hours} h ago"),
    moment: |at| {
        let (hour, minute, second) = at.time().as_hms();
        format!(
            "{} {} {}, {hour:02}:{minute:02}:{second:02} UTC",
            at.day(),
            at.month(),
            at.year()
        )
    },
};
