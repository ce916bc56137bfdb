//! A request with a key, while it is being answered.

use std::{future::pending, sync::Arc, time::Duration};

use axum::{body::Body, http::StatusCode, response::Response};
use bus::{Bus, LedgerError};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};
use uuid::Uuid;

use super::{
    TAKEN_FOR_S, Unfinished,
    note::{Fingerprint, Note},
};

/// The pause before the broker is asked again whether it takes a note.
const PAUSE: Duration = Duration::from_millis(200);

/// How often a note that may have been written is looked for, once the broker answers.
const LOOKS: usize = 3;

/// A request that has its key. What is known of its answer is noted as soon as it is known, and not only when all of
/// it is: a caller that was cut off while it waited comes back at once, to whichever process. Clones are the
/// same request.
#[derive(Clone)]
pub(crate) struct Underway(Arc<Taken>);

struct Taken {
    bus: Bus,
    key: Uuid,
    fingerprint: Fingerprint,
    newest: Mutex<Newest>,
    left: CancellationToken,
}

/// The newest note of this request.
struct Newest {
    revision: u64,
    /// Nothing until something is known of the answer.
    note: Option<Note>,
}

impl Underway {
    /// A request that took its key by the note `revision`, and whose caller has gone when `left` is cancelled.
    pub(super) fn new(
        bus: Bus,
        key: Uuid,
        fingerprint: Fingerprint,
        revision: u64,
        left: CancellationToken,
    ) -> Self {
        let newest = Mutex::new(Newest {
            revision,
            note: None,
        });
        Self(Arc::new(Taken {
            bus,
            key,
            fingerprint,
            newest,
            left,
        }))
    }

    /// Notes an answer that is good already, though a better one may follow.
    pub(crate) async fn accepted(&self, answer: Response) -> Response {
        let (answer, note) = self.note_of(answer).await;
        self.note(note).await;
        answer
    }

    /// Notes that the same request may be sent again, though there may be an answer yet.
    pub(crate) async fn repeatable(&self) {
        self.note(self.free(StatusCode::GATEWAY_TIMEOUT)).await;
    }

    /// Notes the answer, and gives it. If it cannot be noted it is good all the same.
    pub(super) async fn settle(self, answer: Response) -> Response {
        let (answer, note) = self.note_of(answer).await;
        self.note(note).await;
        answer
    }

    fn free(&self, status: StatusCode) -> Note {
        Note::free(self.0.fingerprint, status)
    }

    async fn note_of(&self, answer: Response) -> (Response, Note) {
        let (parts, body) = answer.into_parts();
        let read = axum::body::to_bytes(body, usize::MAX).await;
        // What handlers answer here is whole.
        let body = read.unwrap_or_default();
        let note = if parts.extensions.get::<Unfinished>().is_some() {
            self.free(StatusCode::SERVICE_UNAVAILABLE)
        } else if parts.status.is_success() {
            Note::answered(self.0.fingerprint, &parts, &body)
        } else {
            self.free(parts.status)
        };
        (Response::from_parts(parts, Body::from(body)), note)
    }

    async fn note(&self, note: Note) {
        let Taken { bus, key, .. } = &*self.0;
        let mut newest = self.0.newest.lock().await;
        if newest.note.as_ref() == Some(&note) {
            return;
        }
        match bus.put_entry(*key, newest.revision, note.to_bytes()).await {
            Ok(revision) => newest.revision = revision,
            // Whoever sent it again has the key now, and answers the same.
            Err(LedgerError::Overtaken) => debug!("an answer is noted under its key by another"),
            Err(error) => {
                let cause = &error as &dyn std::error::Error;
                warn!(error = cause, "an answer is not noted under its key yet");
                let again = note_later(bus.clone(), *key, newest.revision, note.clone());
                tokio::spawn(again);
            }
        }
        newest.note = Some(note);
    }
}

/// Waits until nobody waits for the answer any more. A request without a key ends with its caller anyway.
pub(crate) async fn left(underway: Option<&Underway>) {
    match underway {
        Some(Underway(taken)) => taken.left.cancelled().await,
        None => pending().await,
    }
}

/// Notes something when the broker takes it again. Until that is done, or the time is over for which the key is
/// taken, whoever comes with it would be told to wait.
async fn note_later(bus: Bus, key: Uuid, seen: u64, note: Note) {
    let until = Instant::now() + Duration::from_secs(TAKEN_FOR_S.into());
    while Instant::now() < until {
        sleep(PAUSE).await;
        // If it was overtaken, then perhaps by what was tried first.
        if let Ok(_) | Err(LedgerError::Overtaken) = bus.put_entry(key, seen, note.to_bytes()).await
        {
            return;
        }
    }
}

/// Lets go of a key that was perhaps taken by the note `taken`, without a word from the broker: nobody answers the
/// request, so that whoever sends it again shall not be told to wait for that.
pub(super) async fn let_go(bus: Bus, key: Uuid, taken: Note, fingerprint: Fingerprint) {
    let until = Instant::now() + Duration::from_secs(TAKEN_FOR_S.into());
    let mut looks = 0;
    while looks < LOOKS && Instant::now() < until {
        sleep(PAUSE).await;
        let Ok(noted) = bus.get_entry(key).await else {
            continue;
        };
        looks += 1;
        // The time in it makes it ours and nobody else's.
        let ours = noted.filter(|noted| Note::read(&noted.body).as_ref() == Some(&taken));
        if let Some(ours) = ours {
            let free = Note::free(fingerprint, StatusCode::SERVICE_UNAVAILABLE);
            return note_later(bus, key, ours.revision, free).await;
        }
    }
}
