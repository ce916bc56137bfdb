//! A request with a key that is in progress.

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

/// Pause before an entry is written or read again.
const PAUSE: Duration = Duration::from_millis(200);

/// Reads for an entry that may have been written, once the broker answers.
const LOOKS: usize = 3;

/// A request that holds its key. Its entry is updated as soon as something is known of its response, and not
/// only at its end: a caller that was disconnected while it waited comes back at once, to any process. Clones
/// are the same request.
#[derive(Clone)]
pub(crate) struct Underway(Arc<Taken>);

struct Taken {
    bus: Bus,
    key: Uuid,
    fingerprint: Fingerprint,
    newest: Mutex<Newest>,
    left: CancellationToken,
}

/// The latest entry of this request.
struct Newest {
    revision: u64,
    /// None until something is known of the response.
    note: Option<Note>,
}

impl Underway {
    /// A request that took its key with the entry `revision`, and whose caller is gone when `left` is
    /// cancelled.
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

    /// Stores a response that is valid already, though a better one may follow.
    pub(crate) async fn accepted(&self, answer: Response) -> Response {
        let (answer, note) = self.note_of(answer).await;
        self.note(note).await;
        answer
    }

    /// Releases the key for the same request, though a response may still follow.
    pub(crate) async fn repeatable(&self) {
        self.note(self.free(StatusCode::GATEWAY_TIMEOUT)).await;
    }

    /// Stores the response, and returns it. It is returned even if it cannot be stored.
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
        // Handlers here answer with complete bodies.
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
            // A repeated request has the key now, and answers the same.
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

/// Completes when the caller has disconnected. Without a key it never does, since such a request ends with
/// its connection anyway.
pub(crate) async fn left(underway: Option<&Underway>) {
    match underway {
        Some(Underway(taken)) => taken.left.cancelled().await,
        None => pending().await,
    }
}

/// Writes an entry once the broker accepts it again, or gives up after [`TAKEN_FOR_S`] seconds. Until then
/// requests with the key are told to wait.
async fn note_later(bus: Bus, key: Uuid, seen: u64, note: Note) {
    let until = Instant::now() + Duration::from_secs(TAKEN_FOR_S.into());
    while Instant::now() < until {
        sleep(PAUSE).await;
        // If the revision has changed, then perhaps by the first attempt.
        if let Ok(_) | Err(LedgerError::Overtaken) = bus.put_entry(key, seen, note.to_bytes()).await
        {
            return;
        }
    }
}

/// Releases a key that was perhaps taken with the entry `taken`, which the broker did not confirm: this
/// request is not processed, so a repeated one must not be told to wait for it.
pub(super) async fn let_go(bus: Bus, key: Uuid, taken: Note, fingerprint: Fingerprint) {
    let until = Instant::now() + Duration::from_secs(TAKEN_FOR_S.into());
    let mut looks = 0;
    while looks < LOOKS && Instant::now() < until {
        sleep(PAUSE).await;
        let Ok(noted) = bus.get_entry(key).await else {
            continue;
        };
        looks += 1;
        // The end of the lease identifies the entry as ours.
        let ours = noted.filter(|noted| Note::read(&noted.body).as_ref() == Some(&taken));
        if let Some(ours) = ours {
            let free = Note::free(fingerprint, StatusCode::SERVICE_UNAVAILABLE);
            return note_later(bus, key, ours.revision, free).await;
        }
    }
}
