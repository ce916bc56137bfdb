//! Acknowledging events to the broker, or rejecting them.

use std::time::Duration;

use async_nats::{Client, Message, connection::State, jetstream::AckKind};
use rand::RngExt;
use tracing::warn;

use crate::RetryPolicy;

/// Time limit of the broker's confirmation.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(2);

/// Acknowledges all of `messages`, and waits until the broker has confirmed it.
///
/// The broker takes the acknowledgements of one connection in order, so that confirming the last confirms
/// all: this costs one round trip, whatever the number. If it fails, some may be redelivered, which does
/// no more harm than any other redelivery.
pub(crate) async fn ack_all<'a>(client: &Client, messages: impl IntoIterator<Item = &'a Message>) {
    let mut messages = messages.into_iter().peekable();
    while let Some(message) = messages.next() {
        if messages.peek().is_none() {
            return confirm(client, message, AckKind::Ack).await;
        }
        tell(client, message, AckKind::Ack).await;
    }
}

/// Rejects a message (NAK), to be redelivered after a pause that grows with the attempts.
pub(crate) async fn nak_with_delay(
    client: &Client,
    message: &Message,
    attempt: u64,
    retries: RetryPolicy,
) {
    tell(
        client,
        message,
        AckKind::Nak(Some(backoff(attempt, retries))),
    )
    .await;
}

/// Gives a message back (NAK), to be redelivered to another member at once.
pub(crate) async fn nak(client: &Client, message: &Message) {
    tell(client, message, AckKind::Nak(None)).await;
}

/// Extends the ack wait of a message that is still in work. Does nothing without a connection: the
/// repeated extensions would fill the client's buffer, and then nothing else could be sent.
pub(crate) async fn in_progress(client: &Client, message: &Message) {
    if client.connection_state() != State::Connected {
        return;
    }
    tell(client, message, AckKind::Progress).await;
}

/// Terminates a message, so that it is never redelivered, and waits until the broker has confirmed it.
pub(crate) async fn term(client: &Client, message: &Message) {
    confirm(client, message, AckKind::Term).await;
}

/// Returns the pause before a redelivery. Half of it is chance: events that failed together do not come
/// back together.
fn backoff(attempt: u64, retries: RetryPolicy) -> Duration {
    let doublings = u32::try_from(attempt.saturating_sub(1))
        .unwrap_or(u32::MAX)
        .min(16);
    let longest = retries
        .initial_backoff
        .saturating_mul(1 << doublings)
        .min(retries.max_backoff);
    longest.mul_f64(rand::rng().random_range(0.5..=1.0))
}

async fn tell(client: &Client, message: &Message, kind: AckKind) {
    if let Some(reply) = &message.reply {
        // If it cannot be sent, the broker redelivers the event by itself.
        let _ = client.publish(reply.clone(), kind.into()).await;
    }
}

async fn confirm(client: &Client, message: &Message, kind: AckKind) {
    let Some(reply) = &message.reply else { return };
    let request = async_nats::Request::new()
        .payload(kind.into())
        .timeout(Some(CONFIRM_TIMEOUT));
    if let Err(error) = client.send_request(reply.clone(), request).await {
        warn!("the broker did not confirm, so that events may come again: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::backoff;
    use crate::RetryPolicy;

    #[test]
    fn pauses_grow_and_stay_within_their_limits() {
        let retries = RetryPolicy::default();
        assert!(backoff(1, retries) <= retries.initial_backoff);
        assert!(backoff(4, retries) > backoff(1, retries));
        assert!(backoff(1_000, retries) <= retries.max_backoff);
        assert!(backoff(1_000, retries) >= retries.max_backoff / 2);
    }
}
