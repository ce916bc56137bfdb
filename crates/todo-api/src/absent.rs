//! Items that are not there: not saved yet, deleted, or never added.
//!
//! What was accepted is saved a moment later, and by a saver, so this process does not know when. Which
//! of its items may still come it tells by their ids, for all processes alike and with nothing to
//! remember when something is added: a new item's id (UUID v7) says when it was made. Only ids that
//! stand for a key have no time in them; the last of those are remembered, by the process that accepted
//! them.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use axum::http::StatusCode;
use events::ItemId;
use service::problem::Problem;
use store::{Absence, Item};
use time::OffsetDateTime;
use tokio::time::{Instant, timeout_at};

use crate::{
    app::{App, RETRY_AFTER_S},
    prefer::{Prefer, Wait},
    waiting::Outcome,
};

/// How long an item that was accepted is said to be on its way, while nobody has saved it. Savers may be
/// away for longer; who asks then is told of that possibility, but not to go on asking every second.
const EXPECTED: Duration = Duration::from_mins(10);

/// How far the clock of a process that makes ids may be ahead of ours.
const AHEAD: Duration = Duration::from_mins(1);

/// How many items that stand for a key are remembered.
const REMEMBERED: usize = 1024;

/// The items that stand for a key and were accepted here lately, the oldest first.
#[derive(Default)]
pub(crate) struct Keyed(Mutex<VecDeque<(Instant, ItemId)>>);

impl Keyed {
    pub(crate) fn remember(&self, id: ItemId) {
        // A panic while the lock was held leaves nothing half done here.
        let mut accepted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if accepted.len() == REMEMBERED {
            accepted.pop_front();
        }
        accepted.push_back((Instant::now(), id));
    }

    fn knows(&self, id: ItemId) -> bool {
        let accepted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut accepted = accepted.iter().rev();
        accepted.any(|(at, accepted)| *accepted == id && at.elapsed() < EXPECTED)
    }
}

impl App {
    /// The item `id` as it was last saved. A caller who waits gets it when it is saved, if that is within
    /// its time. Fails with 404, and says whether to ask again.
    pub(crate) async fn find(&self, id: ItemId, Prefer(wait): Prefer) -> Result<Item, Problem> {
        let absence = match self.look(id).await? {
            Ok(item) => return Ok(item),
            Err(absence) => absence,
        };
        // One that stands for a key may have been accepted by another process.
        let is_key = id.uuid().get_version_num() == 5 && absence == Absence::Unknown;
        let may_come = is_key || self.comes(id, absence);
        if let Some(wait) = wait.filter(|_| may_come)
            && let Some(item) = self.see_saved(id, wait).await
        {
            return Ok(item);
        }
        Err(self.absent(id, absence))
    }

    /// 404, with what is known of an item that is not there.
    pub(crate) fn absent(&self, id: ItemId, absence: Absence) -> Problem {
        if self.comes(id, absence) {
            let problem = Problem::new(StatusCode::NOT_FOUND, "not-saved-yet");
            return problem.after(RETRY_AFTER_S).detail(
                "this item is not saved yet; if it was accepted it appears in a moment: try again, or \
                 ask with `Prefer: wait=10`",
            );
        }
        no_item()
    }

    /// Whether the item may be expected to appear.
    fn comes(&self, id: ItemId, absence: Absence) -> bool {
        match absence {
            Absence::Deleted => false,
            Absence::Announced => true,
            Absence::Unknown => is_young(id) || self.keyed.knows(id),
        }
    }

    /// Waits until the item is saved. Not too many may do so at a time, since each looks into the database
    /// again and again, and takes one of the places that the service has for requests.
    async fn see_saved(&self, id: ItemId, wait: Wait) -> Option<Item> {
        let _place = self.places_to_look.try_acquire().ok()?;
        let is_known = |outcome: &Outcome| !matches!(outcome, Outcome::Missing);
        let looking = Box::pin(timeout_at(wait.until(), self.look_until(id, is_known)));
        let outcome = tokio::select! {
            // Nobody waits for a process that is about to end.
            () = self.stop.cancelled() => None,
            outcome = looking => outcome.ok(),
        };
        match outcome {
            Some(Outcome::There(item)) => Some(item),
            _ => None,
        }
    }
}

/// Whether the id was made so lately that its item may still be on its way.
fn is_young(id: ItemId) -> bool {
    let uuid = id.uuid();
    let Some(made) = uuid.get_timestamp().filter(|_| uuid.get_version_num() == 7) else {
        return false;
    };
    let (seconds, nanoseconds) = made.to_unix();
    let made = Duration::new(seconds, nanoseconds);
    let now = OffsetDateTime::now_utc() - OffsetDateTime::UNIX_EPOCH;
    // Before 1970 nothing is young.
    let now = Duration::try_from(now).unwrap_or_default();
    now < made + EXPECTED && made < now + AHEAD
}

/// 404: there is no such item, as far as is known.
pub(crate) fn no_item() -> Problem {
    Problem::not_found(
        "there is no item with this id; it may have been deleted, or, while saving lags far behind, \
         not be saved yet",
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use events::ItemId;
    use uuid::{ContextV7, Timestamp, Uuid};

    use super::{Keyed, REMEMBERED, is_young};

    fn made(ago_s: i64) -> ItemId {
        let now = time::OffsetDateTime::now_utc().unix_timestamp();
        let seconds = u64::try_from(now - ago_s).unwrap();
        Uuid::new_v7(Timestamp::from_unix(ContextV7::new(), seconds, 0)).into()
    }

    #[test]
    fn an_id_is_young_for_ten_minutes_and_only_if_it_says_when_it_was_made() {
        assert!(is_young(Uuid::now_v7().into()));
        assert!(is_young(made(590)) && !is_young(made(610)));
        assert!(is_young(made(-50)) && !is_young(made(-70)));
        for other in [Uuid::nil(), Uuid::max(), Uuid::from_u128(7 << 76)] {
            assert!(!is_young(other.into()), "{other}");
        }
        assert!(!is_young(ItemId::from_key("k")));
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_thousand_keys_are_remembered_for_ten_minutes() {
        let keyed = Keyed::default();
        let id = |number: usize| ItemId::from_key(&number.to_string());
        for number in 0..=REMEMBERED {
            keyed.remember(id(number));
        }
        assert!(!keyed.knows(id(0)));
        assert!(keyed.knows(id(1)) && keyed.knows(id(REMEMBERED)));
        tokio::time::advance(Duration::from_secs(601)).await;
        assert!(!keyed.knows(id(1)));
    }
}
