//! Dead letters: events that a group gave up on, kept with everything that is known.

use async_nats::{HeaderMap, HeaderValue};
use bytes::Bytes;
use events::header;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tracing::error;
use uuid::Uuid;

use crate::{Group, PublishError, TODO, delivery::Parcel, streams::DEAD_HEADERS};

/// The longest reason that is kept, in bytes.
const LONGEST_REASON: usize = 4 * 1024;

/// Headers with this prefix are orders to the broker. In a dead letter they are only remembered.
const ORDERS: &str = "Nats-";

impl Group {
    /// Stores a dead letter: the event's body and headers as they came, and beside them which group
    /// gave up, why, after how many attempts, and where the event stands in its stream.
    ///
    /// Its message id is made of `id`, which follows from the event's place in the stream, so that
    /// storing it again makes no second one.
    pub(crate) async fn bury(
        &self,
        parcel: &Parcel,
        id: Uuid,
        reason: &str,
    ) -> Result<(), PublishError> {
        let mut headers = remembered(parcel.message.headers.as_ref());
        let mut note = |name: &'static str, value: String| headers.insert(name, value);
        note("Dead-Group", self.name.to_string());
        note("Dead-Member", self.bus.member().to_owned());
        note("Dead-Reason", one_line(reason));
        note("Dead-Attempts", parcel.attempt.to_string());
        note("Dead-Subject", parcel.message.subject.to_string());
        note("Dead-Stream", TODO.to_owned());
        note("Dead-Sequence", parcel.sequence.to_string());
        note("Dead-Stored-At", rfc3339(parcel.stored_at));
        note("Dead-At", rfc3339(OffsetDateTime::now_utc()));
        note(header::MESSAGE_ID, format!("dead-{}-{id}", self.name));
        let mut body = parcel.message.payload.clone();
        if body.len() > self.bus.client.max_payload().saturating_sub(DEAD_HEADERS) {
            // Only a stream that `setup` did not make can hold such an event. Its body stays there.
            note(
                "Dead-Body",
                format!("left in the stream: {} bytes", body.len()),
            );
            body = Bytes::new();
        }
        self.bus
            .store(
                format!("dead.{}", self.name).into(),
                || headers.clone(),
                body,
            )
            .await?;
        metrics::counter!("dead_letters_total", "group" => self.name.to_string()).increment(1);
        error!(
            event.sequence = parcel.sequence,
            event.attempts = parcel.attempt,
            "gave up on the event at sequence {}: {reason}",
            parcel.sequence,
        );
        Ok(())
    }
}

fn remembered(headers: Option<&HeaderMap>) -> HeaderMap {
    let mut copy = HeaderMap::new();
    for (name, values) in headers.into_iter().flat_map(HeaderMap::iter) {
        let name: &str = name.as_ref();
        let order = name
            .get(..ORDERS.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(ORDERS));
        let name = if order {
            format!("Dead-{name}")
        } else {
            name.to_owned()
        };
        for value in values {
            copy.append(name.as_str(), HeaderValue::from(value.as_str()));
        }
    }
    copy
}

fn rfc3339(time: OffsetDateTime) -> String {
    time.format(&Rfc3339).unwrap_or_default()
}

/// A header's value has no line breaks.
fn one_line(text: &str) -> String {
    let end = (0..=LONGEST_REASON.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end));
    let text = &text[..end.unwrap_or_default()];
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}
