//! Waiting for the save, for callers who would rather hear how the item is than that their request
//! was accepted.

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

/// The pauses between two looks into the database grow from the first to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// How many answers are waited for at a time. Waiting takes one of the places that the service has for
/// requests; while no saver runs, those who wait must not keep out those who only add something.
pub(crate) const MOST_AWAITED: usize = 512;

/// What has become of an item.
pub(crate) enum Outcome {
    /// It is there.
    There(Item),
    /// It is deleted.
    Gone,
    /// Nobody has added it, or that is not saved yet.
    Missing,
}

/// What was accepted, and how long its caller waits for the save.
pub(crate) struct Acceptance {
    app: Arc<App>,
    item: ItemId,
    /// Whether a part of it was accepted earlier already, so that its answer may have been given.
    repeated: bool,
    waiting: Option<(Wait, Vec<Expected>)>,
    /// What it was accepted for, if that has a key.
    underway: Option<Underway>,
}

impl App {
    /// Publishes sealed events about `item`, at the same time, so that the caller waits no longer for
    /// three than for one. They are stored when this returns well.
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

    /// The same, when everything in `before` is stored: what that is about is of no effect by itself.
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
            // Nearly always there is one, which need not be carried to the heap and back.
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

    /// Publishes events at the same time, and tells whether any of them was stored before.
    async fn publish_each(&self, envelopes: &[Envelope], item: ItemId) -> Result<bool, Problem> {
        let publishing = envelopes
            .iter()
            .map(|envelope| self.publish(envelope, item));
        let stored = try_join_all(publishing).await?;
        Ok(stored.iter().any(|stored| stored.duplicate))
    }
}

impl Acceptance {
    /// Answers with `accepted`, unless the caller waits and it becomes known in time what has become
    /// of the item: then with what `saved` makes of that. See [`Acceptance::outcome`] for `is_done`.
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

    /// The same for a caller to whom only the save matters: none if it does not become known in time. Whoever comes
    /// back with the same request meanwhile waits for itself.
    pub(crate) async fn saved(
        self,
        is_done: impl Fn(&Outcome) -> bool + Send + Sync,
    ) -> Option<Outcome> {
        if let Some(underway) = &self.underway {
            underway.repeatable().await;
        }
        self.outcome(is_done).await
    }

    /// What has become of the item, if the caller waits and it becomes known in time.
    ///
    /// A repeated request stores no event again within the broker's window, so that nobody may answer
    /// it any more. Its caller waits for what the database says to be what was asked for, of which
    /// `is_done` is the judge.
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
    /// Looks into the database again and again, until the item is as it should be.
    pub(crate) async fn look_until(
        &self,
        item: ItemId,
        is_done: impl Fn(&Outcome) -> bool,
    ) -> Outcome {
        let mut pause = FIRST_PAUSE;
        loop {
            // If this look fails, the next one may work.
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

/// The item after all events are applied: of their answers, each of which has the item's whole state,
/// the newest. None if one is missing.
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
