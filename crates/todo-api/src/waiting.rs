//! Waiting for the save, for callers who want the saved item rather than a 202.

use std::{sync::Arc, time::Duration};

use axum::response::{IntoResponse, Response};
use bus::Expected;
use events::{Envelope, ItemId, SaveReply, header};
use futures_util::future::{join_all, try_join_all};
use service::problem::Problem;
use store::{Absence, Item};
use tokio::time::{Instant, sleep, timeout_at};

use crate::{
    app::{App, Cause},
    idempotent::{Underway, left},
    prefer::{Prefer, Wait},
};

/// Pauses between polls of the database double from the first to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Most replies awaited at a time. A waiting request takes one of the slots that the service has for
/// requests; while no save-handler runs, those must not keep out requests that only add something.
pub(crate) const MOST_AWAITED: usize = 512;

/// State of an item after the wait.
pub(crate) enum Outcome {
    /// Saved and visible.
    There(Item),
    /// Deleted.
    Gone,
    /// Never added, or not saved yet.
    Missing,
}

/// An accepted change, and the wait of its caller.
pub(crate) struct Acceptance {
    app: Arc<App>,
    item: ItemId,
    /// Set if the broker had stored a part of it before, so that its reply may have been sent already.
    repeated: bool,
    waiting: Option<(Wait, Vec<Expected>)>,
    /// The request, if it has a key.
    underway: Option<Underway>,
}

impl App {
    /// Publishes sealed events about `item` concurrently, so that three take the caller no longer than one.
    /// They are all stored if this succeeds.
    pub(crate) async fn accept(
        self: Arc<Self>,
        cause: &Cause,
        envelopes: Vec<Envelope>,
        item: ItemId,
        prefer: Prefer,
    ) -> Result<Acceptance, Problem> {
        self.accept_after(cause, Vec::new(), envelopes, item, prefer)
            .await
    }

    /// Publishes `envelopes` as [`App::accept`] does, once everything in `before` is stored, which has no
    /// effect by itself.
    pub(crate) async fn accept_after(
        self: Arc<Self>,
        cause: &Cause,
        mut before: Vec<Envelope>,
        mut envelopes: Vec<Envelope>,
        item: ItemId,
        Prefer(wait): Prefer,
    ) -> Result<Acceptance, Problem> {
        let wait = wait.filter(|_| self.replies.awaited() < MOST_AWAITED);
        let mut expected = Vec::new();
        if wait.is_some() {
            for envelope in before.iter_mut().chain(&mut envelopes) {
                let answer = self.replies.expect();
                let reply_to = (header::REPLY_TO, answer.reply_to().to_string());
                envelope.headers.push(reply_to);
                expected.push(answer);
            }
        }
        let mut repeated = false;
        if !before.is_empty() {
            repeated = Box::pin(self.publish_each(&before, item)).await?;
        }
        repeated |= match &*envelopes {
            // Nearly always there is one event, which needs no allocation.
            [one] => self.publish(one, item).await?.duplicate,
            several => self.publish_each(several, item).await?,
        };
        Ok(Acceptance {
            app: self,
            item,
            repeated,
            waiting: wait.map(|wait| (wait, expected)),
            underway: cause.underway.clone(),
        })
    }

    /// Publishes events concurrently, and returns whether any of them was stored before.
    async fn publish_each(&self, envelopes: &[Envelope], item: ItemId) -> Result<bool, Problem> {
        let publishing = envelopes
            .iter()
            .map(|envelope| self.publish(envelope, item));
        let stored = try_join_all(publishing).await?;
        Ok(stored.iter().any(|stored| stored.duplicate))
    }
}

impl Acceptance {
    /// Answers with `accepted`, unless the caller waits and the outcome is known in time: then with the
    /// response that `saved` makes of it. See [`Acceptance::outcome`] for `is_done`.
    pub(crate) async fn answer(
        self,
        mut accepted: Response,
        is_done: impl Fn(&Outcome) -> bool + Send + Sync,
        saved: impl FnOnce(Outcome) -> Result<Response, Problem> + Send,
    ) -> Response {
        let Some((wait, _)) = self.waiting else {
            return accepted;
        };
        if let Some(underway) = &self.underway {
            accepted = underway.accepted(accepted).await;
        }
        match self.outcome(is_done).await.map(saved) {
            Some(Ok(response)) => (wait.applied(), response).into_response(),
            Some(Err(problem)) => problem.into_response(),
            None => accepted,
        }
    }

    /// Returns the outcome for a caller who needs the save; none if it is not known in time. The key is
    /// released first, so that a repeated request waits for the save itself.
    pub(crate) async fn saved(
        self,
        is_done: impl Fn(&Outcome) -> bool + Send + Sync,
    ) -> Option<Outcome> {
        if let Some(underway) = &self.underway {
            underway.repeatable().await;
        }
        self.outcome(is_done).await
    }

    /// Returns the outcome, if the caller waits and it is known in time.
    ///
    /// A repeated request stores no event again within the broker's deduplication window, so no reply may
    /// come. Its caller waits until the database shows the requested state, as `is_done` decides.
    async fn outcome(self, is_done: impl Fn(&Outcome) -> bool + Send + Sync) -> Option<Outcome> {
        let Self {
            app,
            item,
            repeated,
            waiting,
            underway,
        } = self;
        let (wait, expected) = waiting?;
        let known = async {
            if repeated {
                Some(app.look_until(item, is_done).await)
            } else {
                answers(expected, wait.until()).await
            }
        };
        // On the heap, so that requests whose callers do not wait stay small.
        let known = Box::pin(timeout_at(wait.until(), known));
        tokio::select! {
            // Nobody waits for a process that is about to end.
            () = app.stop.cancelled() => None,
            () = left(underway.as_ref()) => None,
            known = known => known.ok().flatten(),
        }
    }
}

impl App {
    /// Polls the database until `is_done` holds for the outcome.
    pub(crate) async fn look_until(
        &self,
        item: ItemId,
        is_done: impl Fn(&Outcome) -> bool,
    ) -> Outcome {
        let mut pause = FIRST_PAUSE;
        loop {
            // If this query fails, the next one may succeed.
            if let Ok(found) = self.look(item).await {
                let outcome = match found {
                    Ok(item) => Outcome::There(item),
                    Err(Absence::Deleted) => Outcome::Gone,
                    Err(Absence::Announced | Absence::Unknown) => Outcome::Missing,
                };
                if is_done(&outcome) {
                    return outcome;
                }
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// Waits for the replies to all events, each of which has the whole state of the item, and returns the newest
/// state. None if one reply is missing.
async fn answers(expected: Vec<Expected>, until: Instant) -> Option<Outcome> {
    let rest = until.saturating_duration_since(Instant::now());
    let answers = expected.into_iter().map(|answer| answer.within(rest));
    let answers: Option<Vec<SaveReply>> = join_all(answers).await.into_iter().collect();
    let states = answers?.into_iter().filter_map(|answer| answer.saved);
    let Some(newest) = states.max_by_key(|state| state.version) else {
        return Some(Outcome::Missing);
    };
    Some(if newest.deleted {
        Outcome::Gone
    } else {
        Outcome::There(Item {
            id: newest.id,
            list: newest.list,
            item: newest.item,
            completed: newest.completed,
            order: newest.order,
            added_at: newest.added_at,
            version: newest.version,
        })
    })
}
