//! `todoctl pub`: publishes messages.

use std::{num::NonZeroU32, time::Duration};

use anyhow::Context;
use bus::{Bus, PublishError, Stored};
use events::EventId;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{broker::Broker, duration, reach::reached, text::say};

/// The pause before a message without an acknowledgement of the stream is published again.
const RETRY_INTERVAL: Duration = Duration::from_millis(250);

/// The arguments of `pub`.
#[derive(clap::Args)]
pub(crate) struct Pub {
    /// The subject
    subject: String,
    /// The body, such as {"item":"buy milk"}; with --count, `{number}` in it is replaced by the message's
    /// number
    body: String,
    /// The number of messages, 1 or more; 1 if it is not given
    #[arg(long)]
    count: Option<NonZeroU32>,
    /// The pause between two messages, as in `200ms` or `5s`
    #[arg(long, value_parser = duration::parse)]
    interval: Option<Duration>,
    /// Wait until a stream has stored each message, and publish it again until it has
    #[arg(long)]
    durable: bool,
}

/// Publishes until all messages are published or `stop` is cancelled, and prints a line for each.
pub(crate) async fn run(
    bus: &Bus,
    broker: &Broker,
    what: &Pub,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let count = what.count.map_or(1, NonZeroU32::get);
    for number in 1..=count {
        let pause = what.interval.filter(|_| number > 1).unwrap_or_default();
        let paused = stop.run_until_cancelled(sleep(pause)).await.is_some();
        if !paused || !reached(bus, broker, &stop).await {
            eprintln!("stopped after {} of {count}", number - 1);
            break;
        }
        let body = match what.count {
            Some(_) => what.body.replace("{number}", &number.to_string()),
            None => what.body.clone(),
        };
        let (subject, of) = (&what.subject, format!("{number} of {count}"));
        let said = if what.durable {
            let stored = store(bus, broker, subject, body, &stop).await;
            let sequence = stored
                .with_context(|| format!("cannot store {of}"))?
                .sequence;
            format!("stored {of} on {subject} as {sequence}")
        } else {
            let sent = bus.send_raw(subject, body).await;
            sent.with_context(|| format!("cannot publish {of}"))?;
            format!("published {of} on {subject}")
        };
        if !say([said]) {
            break;
        }
    }
    Ok(())
}

/// Has a stream store a message. If the broker is unavailable or does not confirm, it is published again with
/// the same id, so that it is stored once, until `stop` is cancelled.
async fn store(
    bus: &Bus,
    broker: &Broker,
    subject: &str,
    body: String,
    stop: &CancellationToken,
) -> Result<Stored, PublishError> {
    let id = EventId::from(Uuid::now_v7());
    loop {
        let stored = bus.publish_raw(subject, &id, body.clone()).await;
        match stored {
            Err(PublishError::Disconnected | PublishError::Unconfirmed) if !stop.is_cancelled() => {
                stop.run_until_cancelled(sleep(RETRY_INTERVAL)).await;
                reached(bus, broker, stop).await;
            }
            stored => return stored,
        }
    }
}
