//! Every text that a visitor reads. A language is one constant of type [`Texts`], so that one with a
//! text missing does not compile.

mod english;
mod korean;
mod system;

use events::InvalidText;
use time::OffsetDateTime;

pub(crate) use english::ENGLISH;
pub(crate) use korean::KOREAN;
pub(crate) use system::SystemTexts;

use crate::{
    app::{NotAccepted, Unread},
    refusal::Reason,
    view::Show,
};

/// The words of one language.
pub(crate) struct Texts {
    /// The language's tag, for the attribute `lang`.
    pub(crate) lang: &'static str,
    /// The page's title.
    pub(crate) title: &'static str,
    pub(crate) skip_to_content: &'static str,

    /// The text behind the number of items that are not done.
    pub(crate) left: fn(i64) -> &'static str,
    pub(crate) filter: fn(Show) -> &'static str,
    pub(crate) mark_all: &'static str,
    pub(crate) clear: &'static str,
    pub(crate) list: &'static str,
    /// The label and the names of the links that every page has.
    pub(crate) ways: &'static str,
    pub(crate) nav_list: &'static str,
    pub(crate) all_lists: &'static str,
    /// The lists, and how to get to one by its name.
    pub(crate) default_list: &'static str,
    /// A list's number of items left and of items done.
    pub(crate) list_counts: fn(i64, i64) -> String,
    pub(crate) many_items: &'static str,
    pub(crate) list_hint: &'static str,
    pub(crate) lists_unread: fn(&Unread) -> &'static str,
    pub(crate) another_list: &'static str,
    pub(crate) open_list: &'static str,
    /// The number of changes of all lists that are accepted and not saved yet.
    pub(crate) unsaved: fn(u64) -> String,
    pub(crate) empty_list: &'static str,
    pub(crate) empty_page: &'static str,
    /// The reason why the list is not shown.
    pub(crate) unread: fn(&Unread) -> &'static str,
    /// The line above the newest items, when there are more: the number of shown ones.
    pub(crate) newest: fn(usize) -> String,
    pub(crate) whole_list: &'static str,
    pub(crate) first_page: &'static str,
    pub(crate) next_page: &'static str,
    pub(crate) back_home: &'static str,

    pub(crate) new_item: &'static str,
    pub(crate) item_label: &'static str,
    /// The limit of a text's length; `#` stands for its present length.
    pub(crate) item_hint: fn(usize) -> String,
    pub(crate) add: &'static str,

    pub(crate) complete: &'static str,
    pub(crate) reopen: &'static str,
    pub(crate) change: &'static str,
    /// The field for an item's text, in its row.
    pub(crate) edit: &'static str,
    pub(crate) rename_title: &'static str,
    pub(crate) rename_label: &'static str,
    pub(crate) rename: &'static str,
    pub(crate) cancel: &'static str,
    pub(crate) up: &'static str,
    pub(crate) down: &'static str,
    pub(crate) delete: &'static str,
    pub(crate) deleted: &'static str,
    pub(crate) undo: &'static str,
    /// Stands before when it was.
    pub(crate) added_when: &'static str,
    /// The heading of an item's events, and the meaning of an event by its subject.
    pub(crate) history: &'static str,
    pub(crate) happened: fn(&str) -> &'static str,
    pub(crate) history_empty: &'static str,
    pub(crate) history_not_kept: &'static str,
    pub(crate) history_unread: &'static str,

    /// The event is stored, the item is not yet.
    pub(crate) accepted: &'static str,
    pub(crate) added: &'static str,
    pub(crate) show_it: &'static str,
    pub(crate) change_accepted: &'static str,

    /// A change was accepted, and is not saved yet.
    pub(crate) saving: &'static str,
    /// A change is kept in the browser until there is a connection.
    pub(crate) waiting: &'static str,
    /// Some changes were not accepted, and trying again does not help; their texts follow.
    pub(crate) refused: &'static str,
    /// The reason for it, if the item was deleted by somebody else.
    pub(crate) gone: &'static str,
    pub(crate) dismiss: &'static str,
    /// The page's requests are answered by something else than this service.
    pub(crate) foreign: &'static str,
    /// An item was saved, or deleted; its text follows.
    pub(crate) saved: &'static str,
    pub(crate) removed: &'static str,
    /// The page gets no changes for now.
    pub(crate) offline: &'static str,

    /// Nothing could be published; what was typed is still there.
    pub(crate) not_accepted: fn(NotAccepted) -> &'static str,
    pub(crate) stale_key: &'static str,
    pub(crate) try_again: &'static str,
    /// Advice on an invalid text.
    pub(crate) invalid: fn(InvalidText) -> String,
    /// Advice on an invalid name of a list.
    pub(crate) invalid_name: fn(InvalidText) -> String,
    /// The problem of a refused request, and advice.
    pub(crate) refusal: fn(Reason) -> (&'static str, &'static str),

    /// The page of the whole system.
    pub(crate) system: SystemTexts,

    pub(crate) just_now: &'static str,
    pub(crate) minutes_ago: fn(i64) -> String,
    pub(crate) hours_ago: fn(i64) -> String,
    /// A date and a time of day, which says that it is in UTC: `moments.js` looks for that.
    pub(crate) moment: fn(OffsetDateTime) -> String,
}
