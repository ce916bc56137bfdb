//! English.

use events::InvalidText;

use super::{Texts, system};
use crate::{refusal::Reason, view::Show};

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
    mark_all: "Mark all as done",
    clear: "Clear completed",
    list: "The list",
    lists: "Other lists",
    another_list: "Name of another list",
    open_list: "Open",
    empty_list: "Nothing to do yet. Add the first item above.",
    empty_page: "There are no more items.",
    database_away: "The list shows nothing because the database is away. You can still add items: \
                    they appear as soon as it is back.",
    newest: |count| format!("These are the newest {count}."),
    whole_list: "Show the whole list",
    first_page: "First page",
    next_page: "Next page",
    back_home: "Back to the list",

    new_item: "New item",
    item_label: "What is there to do?",
    item_hint: |limit| format!("Up to {limit} characters"),
    add: "Add",

    complete: "Mark as done",
    reopen: "Mark as not done",
    change: "Change",
    rename_title: "Change an item",
    rename_label: "New text",
    rename: "Rename",
    up: "Move up",
    down: "Move down",
    delete: "Delete",
    deleted: "Deleted.",
    undo: "Undo",
    added_when: "Added:",

    accepted: "Accepted. It will appear in the list when it is saved.",
    added: "Added to the list.",
    show_it: "Show it",
    change_accepted: "Your change is accepted. It shows as soon as it is saved.",

    saving: "saving…",
    waiting: "waiting for the connection",
    refused: "This change could not be accepted",
    saved: "Saved",
    removed: "Removed",
    offline: "Not connected. You can go on: your changes are kept here and sent as soon as the \
              connection is back.",

    not_accepted: "This cannot be accepted right now. Your text is kept: please try again in a moment.",
    stale_key: "This form could not be read as it was sent. Your text is kept: please send it again.",
    try_again: "Try again",
    invalid: |invalid| match invalid {
        InvalidText::Blank => "There is no text yet. Type what there is to do.".to_owned(),
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
        Reason::NotAccepted => (
            "Your change cannot be accepted right now",
            "It is not lost if you keep this page open: please try again in a moment.",
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
    date: |at| format!("{} {} {}", at.day(), at.month(), at.year()),
};
