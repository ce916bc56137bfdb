//! Telling the broker what became of an event.

use std::time::Duration;

use async_nats::{Client, Message, connection::State, jetstream::AckKind};
use rand::RngExt;
use tracing::warn;

use crate::Retries;

/// How long the broker may take to confirm.
const CONFIRM_LIMIT: Duration = Duration::from_secs(2);

/// Says that all of `messages` are done, and waits until the broker has confirmed it.
///
/// The broker takes the acknowledgements of one connection in order, so that confirming the last
/// confirms all: this costs one round trip, whatever the number. If it fails, some may come again,
/// which does no more harm than any other repetition.
pub(crate) async fn done<'a>(client: &Client, messages: impl IntoIterator<Item = &'a Message>) {
    let mut messages = messages.into_iter().peekable();
    while let Some(message) = messages.next() {
        if messages.peek().is_none() {
            return confirm(client, message, AckKind::Ack).await;
        }
        tell(client, message, AckKind::Ack).await;
    }
}

/// Says that the broker shall give the event out again, after a pause that grows with the attempts.
pub(crate) async fn later(client: &Client, message: &Message, attempt: u64, retries: Retries) {
    tell(client, message, AckKind::Nak(Some(pause(attempt, retries)))).await;
}

/// Gives the event back, for another member to take at once.
pub(crate) async fn give_back(client: &Client, message: &Message) {
    tell(client, message, AckKind::Nak(None)).await;
}

/// Says that the event is still in work, if somebody hears it: without a connection, what is said again
/// and again would fill the client's buffer, and then nobody could say anything more.
pub(crate) async fn in_work(client: &Client, message: &Message) {
    if client.connection_state() != State::Connected {
        return;
    }
    tell(client, message, AckKind::Progress).await;
}

/// Says that the event shall never come again, and waits until the broker has confirmed it.
pub(crate) async fn never(client: &Client, message: &Message) {
    confirm(client, message, AckKind::Term).await;
}

/// Half of the pause is chance: events that failed together do not come back together.
fn pause(attempt: u64, retries: Retries) -> Duration {
    let doublings = u32::try_from(attempt.saturating_sub(1))
        .unwrap_or(u32::MAX)
        .min(16);
    let longest = retries
        .first_pause
        .saturating_mul(1 << doublings)
        .min(retries.longest_pause);
    longest.mul_f64(rand::rng().random_range(0.5..=1.0))
}

async fn tell(client: &Client, message: &Message, kind: AckKind) {
    if let Some(reply) = &message.reply {
        // If it cannot be sent, the broker gives the event out again by itself.
        let _ = client.publish(reply.clone(), kind.into()).await;
    }
}

async fn confirm(client: &Client, message: &Message, kind: AckKind) {
    let Some(reply) = &message.reply else { return };
    let request = async_nats::Request::new()
        .payload(kind.into())
        .timeout(Some(CONFIRM_LIMIT));
    if let Err(error) = client.send_request(reply.clone(), request).await {
        warn!("the broker did not confirm, so that events may come again: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::pause;
    use crate::Retries;

    #[test]
    fn pauses_grow_and_stay_within_their_limits() {
        let retries = Retries::default();
        assert!(pause(1, retries) <= retries.first_pause);
        assert!(pause(4, retries) > pause(1, retries));
        assert!(pause(1_000, retries) <= retries.longest_pause);
        assert!(pause(1_000, retries) >= retries.longest_pause / 2);
    }
}
