//! Answers about items that are not visible: not saved yet, deleted, or never added.
//!
//! An accepted item is saved a moment later, and by another process, so this one does not know when. It tells
//! by the id whether an item may still appear, in the same way on every replica and without state: the id of
//! a new item (UUID v7) has its creation time in it. Only ids that are derived from an `Idempotency-Key` have
//! none; the most recent of those are remembered by the process that accepted them.

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

/// Time for which an accepted item that is not saved is reported as on its way. The save-handler may be down
/// for longer; a later request still gets 404 with that possibility named, but is not told to retry every
/// second.
const EXPECTED: Duration = Duration::from_mins(10);

/// Largest clock difference tolerated: by how much the clock of a process that creates ids may be ahead of
/// ours.
const AHEAD: Duration = Duration::from_mins(1);

/// Capacity of [`Keyed`], in items.
const REMEMBERED: usize = 1024;

/// Ids derived from an `Idempotency-Key` that this process accepted lately, the oldest first.
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
    /// Returns the item `id` as it was last saved. A caller who waits gets it as soon as it is saved, if that
    /// is within the wait. Fails with 404, which says whether to retry.
    pub(crate) async fn find(&self, id: ItemId, Prefer(wait): Prefer) -> Result<Item, Problem> {
        let absence = match self.look(id).await? {
            Ok(item) => return Ok(item),
            Err(absence) => absence,
        };
        // An id derived from a key may have been accepted by another process.
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

    /// Returns whether the item may still appear.
    fn comes(&self, id: ItemId, absence: Absence) -> bool {
        match absence {
            Absence::Deleted => false,
            Absence::Announced => true,
            Absence::Unknown => is_young(id) || self.keyed.knows(id),
        }
    }

    /// Waits until the item is saved. The number of concurrent waits is limited, since each polls the
    /// database and takes one of the service's slots for requests.
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

/// Returns whether the id was created so recently that its item may still be on its way.
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
