//! Dead letters: events that a group gave up on, kept with everything that is known.

mod desk;
mod letter;
mod record;

use async_nats::HeaderMap;
use bytes::Bytes;
use events::{Origin, header};
use time::OffsetDateTime;
use tracing::error;
use uuid::Uuid;

use crate::{Bus, Group, PublishError, delivery::RawMessage, streams::MAX_DEAD_LETTER_HEADERS};

pub use desk::{DeadLetterError, DeadLetters, DeadLettersState};
pub use letter::{DeadEvent, DeadLetter};
pub(crate) use record::{MissingHeader, read_origin};
use record::{rfc3339, write_origin};

/// The longest reason that is kept, in bytes.
const MAX_REASON_BYTES: usize = 4 * 1024;

const GROUP: &str = "Dead-Group";
const MEMBER: &str = "Dead-Member";
const REASON: &str = "Dead-Reason";
const ATTEMPTS: &str = "Dead-Attempts";
const AT: &str = "Dead-At";
/// The header that says that the body was too large to be kept here.
const BODY: &str = "Dead-Body";
/// Headers that a dead letter has besides those of its event.
pub const LETTER_HEADERS: [&str; 10] = [
    GROUP,
    MEMBER,
    REASON,
    ATTEMPTS,
    AT,
    record::SUBJECT,
    record::STREAM,
    record::STREAM_CREATED,
    record::SEQUENCE,
    record::STORED_AT,
];

/// The header of a replay with the id of the event that is replayed.
const CAUSE: &str = "Dead-Cause";

/// An event that a group gives up on, and the reason.
pub(crate) struct DeadLetterDraft<'a> {
    pub(crate) group: &'a str,
    pub(crate) reason: &'a str,
    pub(crate) attempts: u64,
    /// The id of the stored message that the broker delivered. The dead letter's message id is made of
    /// it, so that storing it again within an hour makes no second one, and a replay that fails makes a
    /// new one.
    pub(crate) place: Uuid,
    pub(crate) origin: &'a Origin,
    pub(crate) subject: &'a str,
    pub(crate) headers: Option<&'a HeaderMap>,
    pub(crate) body: Bytes,
}

impl Group {
    /// Stores a dead letter of a message that the group cannot handle.
    pub(crate) async fn bury(&self, parcel: &RawMessage, reason: &str) -> Result<(), PublishError> {
        let message = &parcel.message;
        let obituary = DeadLetterDraft {
            group: &self.name,
            reason,
            attempts: parcel.attempt,
            place: parcel.place(),
            origin: &parcel.origin,
            subject: &message.subject,
            headers: message.headers.as_ref(),
            body: message.payload.clone(),
        };
        self.bus.bury(obituary).await
    }
}

impl Bus {
    /// Stores a dead letter: the event's body and headers as they came, and headers with the group that
    /// gave up, the reason, the number of attempts, and the event's position in its stream.
    pub(crate) async fn bury(&self, obituary: DeadLetterDraft<'_>) -> Result<(), PublishError> {
        let DeadLetterDraft {
            group,
            reason,
            attempts,
            origin,
            ..
        } = obituary;
        let mut headers = write_origin(obituary.headers, &one_line(obituary.subject), origin);
        let mut note = |name: &'static str, value: String| headers.insert(name, value);
        note(GROUP, group.to_owned());
        note(MEMBER, self.member().to_owned());
        note(REASON, one_line(reason));
        note(ATTEMPTS, attempts.to_string());
        note(AT, rfc3339(OffsetDateTime::now_utc()));
        note(
            header::MESSAGE_ID,
            format!("dead-{group}-{}", obituary.place),
        );
        let mut body = obituary.body;
        if body.len()
            > self
                .client
                .max_payload()
                .saturating_sub(MAX_DEAD_LETTER_HEADERS)
        {
            // Only a stream that `setup` did not create can hold such an event. Its body stays there.
            note(BODY, format!("left in the stream: {} bytes", body.len()));
            body = Bytes::new();
        }
        let subject = format!("dead.{group}").into();
        self.store(subject, || headers.clone(), body).await?;
        metrics::counter!("dead_letters_total", "group" => group.to_owned()).increment(1);
        let sequence = origin.sequence;
        error!(
            event.sequence = sequence,
            event.attempts = attempts,
            "gave up on the event at sequence {sequence}: {reason}",
        );
        Ok(())
    }
}

/// Shortens a text to 4 KiB and replaces control characters: a header's value has no line breaks.
fn one_line(text: &str) -> String {
    let end = (0..=MAX_REASON_BYTES.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end));
    let text = &text[..end.unwrap_or_default()];
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}
