//! Operations on dead letters: list, replay and discard.

use std::collections::HashSet;

use async_nats::jetstream::{
    context::ConsumerInfoErrorKind,
    message::StreamMessage,
    stream::{DeleteMessageErrorKind, RawMessageError, RawMessageErrorKind, Stream},
};
use events::header;
use futures_util::{FutureExt, Stream as Yield, stream::try_unfold};
use time::OffsetDateTime;

use super::{
    BODY, CAUSE,
    letter::{DeadEvent, DeadLetter, LetterHeaders},
    record::{OriginHeaders, SEQUENCE, read_origin, value, write_origin},
};
use crate::{
    Bus, DEAD_LETTERS, History, PublishError, REPLAYS, TODO,
    streams::{ADVISORIES, is_absent},
};

/// Number and age of the dead letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeadLettersState {
    /// Their number.
    pub count: u64,
    /// Time at which the oldest of them was stored; `None` if there is none.
    pub oldest: Option<OffsetDateTime>,
}

/// The error of an operation on dead letters.
#[derive(Debug, thiserror::Error)]
pub enum DeadLetterError {
    /// The broker did not answer, or refused.
    #[error("cannot ask for the dead letters")]
    Ask(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The event is not kept, so it cannot be replayed.
    #[error("the event is not known any more: {0}")]
    Unknown(String),
    /// No member of the group has ever joined for replays, so that nobody would get this one.
    #[error("nobody takes replays of the group `{0}`")]
    NobodyThere(String),
    /// The replay is not known to be stored. It may be tried again.
    #[error("cannot store the replay")]
    Store(#[source] PublishError),
}

impl DeadLetterError {
    pub(crate) fn ask(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Ask(error.into())
    }
}

/// The dead letters, for an operator.
pub struct DeadLetters {
    bus: Bus,
    letters: Box<Stream>,
    /// The identity of this stream of dead letters, which tells it from a recreated one of the same name.
    history: History,
    /// The stream of all events, if it is there.
    events: Option<Box<Stream>>,
}

impl Bus {
    /// Returns the number of dead letters, and the age of the oldest. Each advisory of the broker counts
    /// as one, also where several are about one event.
    pub async fn dead_letters_state(&self) -> Result<DeadLettersState, DeadLetterError> {
        let letters = self.jetstream.get_stream(DEAD_LETTERS).await;
        let letters = letters.map_err(DeadLetterError::ask)?;
        let state = &letters.cached_info().state;
        Ok(DeadLettersState {
            count: state.messages,
            oldest: (state.messages > 0).then_some(state.first_timestamp),
        })
    }

    /// Opens the dead letters. Waits for a connection.
    pub async fn dead_letters(&self) -> Result<DeadLetters, DeadLetterError> {
        self.wait_connected().await;
        let letters = self.jetstream.get_stream(DEAD_LETTERS).await;
        let letters = letters.map_err(DeadLetterError::ask)?;
        let events = match self.jetstream.get_stream(TODO).await {
            Ok(events) => Some(Box::new(events)),
            Err(error) if is_absent(&error) => None,
            Err(error) => return Err(DeadLetterError::ask(error)),
        };
        Ok(DeadLetters {
            bus: self.clone(),
            history: History::of(letters.cached_info()),
            letters: Box::new(letters),
            events,
        })
    }
}

impl DeadLetters {
    /// Yields the dead letters in the order in which they were stored: all, or those of `group`, of which
    /// those that the broker gave up on by itself come last.
    ///
    /// They are read one by one as the stream is polled, so that never more than one is in memory.
    /// Several advisories of the broker about one event are one letter.
    pub fn list(
        &self,
        group: Option<&str>,
    ) -> impl Yield<Item = Result<DeadLetter, DeadLetterError>> + '_ {
        let subjects = match group {
            Some(group) => vec![format!("{ADVISORIES}{group}"), format!("dead.{group}")],
            None => vec![">".to_owned()],
        };
        let start = (subjects, 1, HashSet::new());
        try_unfold(start, async |(mut subjects, mut from, mut known)| {
            while let Some(subject) = subjects.last() {
                let Some(message) = self.next(subject, from).await? else {
                    subjects.pop();
                    from = 1;
                    continue;
                };
                from = message.sequence + 1;
                let outside = LetterHeaders::read(&message);
                let pointer = outside.pointer;
                if pointer.is_some_and(|at| !known.insert((outside.group.clone(), at))) {
                    continue;
                }
                let letter = self.open(message, outside).await?;
                return Ok(Some((letter, (subjects, from, known))));
            }
            Ok(None)
        })
    }

    /// Returns the dead letter at `sequence`, if there is one.
    pub async fn get(&self, sequence: u64) -> Result<Option<DeadLetter>, DeadLetterError> {
        let message = self.letters.get_raw_message(sequence).await;
        let Some(message) = found(message)? else {
            return Ok(None);
        };
        let outside = LetterHeaders::read(&message);
        self.open(message, outside).await.map(Some)
    }

    /// Has the group that gave up on the event handle it after all, and discards the letter. No other
    /// group gets the replay.
    ///
    /// Members of the group get the event as it was published, with its old position. Replaying the same
    /// letter again within two minutes changes nothing, as after a crash between storing the replay and
    /// discarding the letter; later, the group gets the event once more, like any event that is
    /// redelivered. If the group fails again, there is a new letter.
    pub async fn replay(&self, letter: &DeadLetter) -> Result<(), DeadLetterError> {
        let unknown = |reason: &String| DeadLetterError::Unknown(reason.clone());
        let event = letter.event.as_ref().map_err(unknown)?;
        self.find_taker(&letter.group).boxed().await?;
        let mut headers = write_origin(Some(&event.headers), &event.subject, &event.origin);
        headers.insert(CAUSE, event.id.as_str());
        // The event's own id would be dropped as a duplicate of one that the stream has had.
        let letter_at = self.history.identity(letter.sequence);
        let id = letter_at.derive_id(letter.sequence);
        headers.insert(header::MESSAGE_ID, format!("replay-{id}"));
        let subject = format!("replay.{}", letter.group).into();
        let stored = self
            .bus
            .store(subject, || headers.clone(), event.body.clone());
        stored.await.map_err(DeadLetterError::Store)?;
        self.discard(letter).await
    }

    /// Discards a dead letter. It is no error if it is gone already.
    pub async fn discard(&self, letter: &DeadLetter) -> Result<(), DeadLetterError> {
        self.delete(letter.sequence).await?;
        if letter.member.is_some() {
            return Ok(());
        }
        // The broker may have sent the advisory several times.
        let subject = format!("{ADVISORIES}{}", letter.group);
        let pointer = letter.pointer;
        let mut from = letter.sequence;
        while let Some(message) = self.next(&subject, from).await? {
            from = message.sequence + 1;
            if pointer.is_some() && LetterHeaders::read(&message).pointer == pointer {
                self.delete(message.sequence).await?;
            }
        }
        Ok(())
    }

    async fn delete(&self, sequence: u64) -> Result<(), DeadLetterError> {
        match self.letters.delete_message(sequence).await {
            Ok(_) => Ok(()),
            Err(error) => match error.kind() {
                DeleteMessageErrorKind::JetStream(_) if self.is_gone(sequence).await? => Ok(()),
                _ => Err(DeadLetterError::ask(error)),
            },
        }
    }

    async fn is_gone(&self, sequence: u64) -> Result<bool, DeadLetterError> {
        Ok(found(self.letters.get_raw_message(sequence).await)?.is_none())
    }

    async fn next(
        &self,
        subject: &str,
        from: u64,
    ) -> Result<Option<StreamMessage>, DeadLetterError> {
        let question = self.letters.raw_message_builder().sequence(from);
        found(question.next_by_subject(subject).send().await)
    }

    /// Assembles a letter from its message, or from the event that the message points at.
    async fn open(
        &self,
        message: StreamMessage,
        outside: LetterHeaders,
    ) -> Result<DeadLetter, DeadLetterError> {
        let died_at = outside.died_at;
        let whole = value(&message.headers, BODY).is_none();
        let sequence = || value(&message.headers, SEQUENCE)?.parse().ok();
        let event = match read_origin(&message.headers) {
            Ok(record) if whole => Ok(DeadEvent::new(record, message.payload)),
            // The broker kept nothing of it, an earlier release not enough, or the body was too large.
            _ => match outside.pointer.or_else(sequence) {
                Some(sequence) => self.look_up(sequence, died_at).await?,
                None => Err("the letter does not say which event it was".to_owned()),
            },
        };
        Ok(DeadLetter {
            sequence: message.sequence,
            group: outside.group,
            member: outside.member,
            reason: outside.reason,
            attempts: outside.attempts,
            died_at,
            pointer: outside.pointer,
            event,
        })
    }

    /// Looks an event up in the stream of all events, where a group gave up on it at `died_at`.
    async fn look_up(
        &self,
        sequence: u64,
        died_at: OffsetDateTime,
    ) -> Result<Result<DeadEvent, String>, DeadLetterError> {
        let lost = || {
            let gone = format!("{TODO} has no event at sequence {sequence} any more");
            Err(gone)
        };
        let Some(events) = self.events.as_deref() else {
            return Ok(lost());
        };
        let history = History::of(events.cached_info());
        let identity = history.identity(sequence);
        // Otherwise it is another event with the same sequence.
        if identity.created() > died_at {
            return Ok(lost());
        }
        let Some(message) = found(events.get_raw_message(sequence).await)? else {
            return Ok(lost());
        };
        let record = OriginHeaders::of(&message, identity);
        Ok(Ok(DeadEvent::new(record, message.payload)))
    }

    /// Checks that the group has a consumer for replays: a replay that nobody takes would be lost in the
    /// end.
    async fn find_taker(&self, group: &str) -> Result<(), DeadLetterError> {
        let replays = self.bus.jetstream.get_stream(REPLAYS).await;
        let replays = replays.map_err(DeadLetterError::ask)?;
        match replays.consumer_info(group).await {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ConsumerInfoErrorKind::NotFound => {
                Err(DeadLetterError::NobodyThere(group.to_owned()))
            }
            Err(error) => Err(DeadLetterError::ask(error)),
        }
    }
}

/// Tells a missing message from a request that failed.
fn found(
    message: Result<StreamMessage, RawMessageError>,
) -> Result<Option<StreamMessage>, DeadLetterError> {
    match message {
        Ok(message) => Ok(Some(message)),
        Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
        Err(error) => Err(DeadLetterError::ask(error)),
    }
}
