//! The oldest event that may still be delivered to a group.

use async_nats::jetstream::{message::StreamMessage, stream::RawMessageErrorKind};
use events::Position;
use futures_util::{TryStreamExt, pin_mut};

use crate::{Bus, DeadLetterError, History, REPLAYS, TODO, dead_letters::read_origin};

/// The part of the history of events that is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// No event before this position comes to the group any more, unless somebody restores what is gone: it
    /// is neither in the stream, nor a dead letter of the group, nor a replay for it.
    pub first: Position,
    /// The position of the newest event of the stream, or of the last one that it had.
    pub last: Position,
}

impl Bus {
    /// Returns the part of the history that may still be delivered to `group`. Waits for a connection.
    ///
    /// Looks at every dead letter of the group and every replay for it, one by one.
    pub async fn reach(&self, group: &str) -> Result<Reach, DeadLetterError> {
        let desk = self.dead_letters().await?;
        let todo = self.jetstream.get_stream(TODO).await;
        let todo = todo.map_err(DeadLetterError::ask)?;
        let info = todo.cached_info();
        let history = History::of(info);
        let (first, last) = (info.state.first_sequence.max(1), info.state.last_sequence);
        let position = |sequence| history.identity(sequence).position(sequence);
        let mut reach = Reach {
            first: position(first),
            last: position(last),
        };
        // Before the replays: what is replayed is stored there first, and then taken from the letters.
        let letters = desk.list(Some(group));
        pin_mut!(letters);
        while let Some(letter) = letters.try_next().await? {
            // Whatever does not tell its event cannot be replayed.
            if let Ok(event) = letter.event {
                reach.first = reach.first.min(event.origin.position());
            }
        }
        for position in self.replayed(group).await? {
            reach.first = reach.first.min(position);
        }
        Ok(reach)
    }

    /// The positions of the events that wait to be handled by `group` after all.
    async fn replayed(&self, group: &str) -> Result<Vec<Position>, DeadLetterError> {
        let replays = self.jetstream.get_stream(REPLAYS).await;
        let replays = replays.map_err(DeadLetterError::ask)?;
        let subject = format!("replay.{group}");
        let (mut positions, mut from) = (Vec::new(), 1);
        loop {
            let question = replays.raw_message_builder().sequence(from);
            match question.next_by_subject(&subject).send().await {
                Ok(StreamMessage {
                    sequence, headers, ..
                }) => {
                    from = sequence + 1;
                    let record = read_origin(&headers);
                    positions.extend(record.map(|record| record.origin.position()));
                }
                Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => {
                    return Ok(positions);
                }
                Err(error) => return Err(DeadLetterError::ask(error)),
            }
        }
    }
}
