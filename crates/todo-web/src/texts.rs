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

use crate::{refusal::Reason, view::Show};

/// The words of one language.
pub(crate) struct Texts {
    /// The language's tag, for the attribute `lang`.
    pub(crate) lang: &'static str,
    /// What the page is about.
    pub(crate) title: &'static str,
    pub(crate) skip_to_content: &'static str,

    /// What stands behind the number of items that are not done.
    pub(crate) left: fn(i64) -> &'static str,
    pub(crate) filter: fn(Show) -> &'static str,
    pub(crate) mark_all: &'static str,
    pub(crate) clear: &'static str,
    pub(crate) list: &'static str,
    /// The lists, and how to get to one by its name.
    pub(crate) lists: &'static str,
    pub(crate) another_list: &'static str,
    pub(crate) open_list: &'static str,
    pub(crate) empty_list: &'static str,
    pub(crate) empty_page: &'static str,
    pub(crate) database_away: &'static str,
    /// Above the newest items, when there are more: how many are shown.
    pub(crate) newest: fn(usize) -> String,
    pub(crate) whole_list: &'static str,
    pub(crate) first_page: &'static str,
    pub(crate) next_page: &'static str,
    pub(crate) back_home: &'static str,

    pub(crate) new_item: &'static str,
    pub(crate) item_label: &'static str,
    pub(crate) item_hint: fn(usize) -> String,
    pub(crate) add: &'static str,

    pub(crate) complete: &'static str,
    pub(crate) reopen: &'static str,
    pub(crate) change: &'static str,
    pub(crate) rename_title: &'static str,
    pub(crate) rename_label: &'static str,
    pub(crate) rename: &'static str,
    pub(crate) up: &'static str,
    pub(crate) down: &'static str,
    pub(crate) delete: &'static str,
    pub(crate) deleted: &'static str,
    pub(crate) undo: &'static str,
    /// Stands before when it was.
    pub(crate) added_when: &'static str,

    /// The event is stored, the item is not yet.
    pub(crate) accepted: &'static str,
    pub(crate) added: &'static str,
    pub(crate) show_it: &'static str,
    pub(crate) change_accepted: &'static str,

    /// A change was accepted, and is not saved yet.
    pub(crate) saving: &'static str,
    /// A change is kept in the browser until there is a connection.
    pub(crate) waiting: &'static str,
    /// A change was not accepted, and trying again does not help.
    pub(crate) refused: &'static str,
    /// An item was saved, or deleted; its text follows.
    pub(crate) saved: &'static str,
    pub(crate) removed: &'static str,
    /// The page hears of no changes for now.
    pub(crate) offline: &'static str,

    /// Nothing could be published; what was typed is still there.
    pub(crate) not_accepted: &'static str,
    pub(crate) stale_key: &'static str,
    pub(crate) try_again: &'static str,
    /// What to change about a text.
    pub(crate) invalid: fn(InvalidText) -> String,
    /// What went wrong, and what to do about it.
    pub(crate) refusal: fn(Reason) -> (&'static str, &'static str),

    /// The page of the whole system.
    pub(crate) system: SystemTexts,

    pub(crate) just_now: &'static str,
    pub(crate) minutes_ago: fn(i64) -> String,
    pub(crate) hours_ago: fn(i64) -> String,
    pub(crate) date: fn(OffsetDateTime) -> String,
}
