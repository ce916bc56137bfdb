//! `todoctl add`: adds an item through the broker, without todo-api.

use std::{process::ExitCode, time::Duration};

use anyhow::Context;
use bus::{Bus, Expected, PublishError, Replies};
use events::{Envelope, ItemId, ItemSaved, ItemText, ListName, NewItem, header};
use time::OffsetDateTime;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{broker::Broker, duration, items, text::say};

/// Timeout of connecting to the broker, and time for which an event that is not stored is published again.
const WITHIN: Duration = Duration::from_secs(5);

/// The pause before an event without an acknowledgement of the stream is published again.
const RETRY_INTERVAL: Duration = Duration::from_millis(250);

/// The exit code for an item that is accepted, and was not saved in the time that `--wait` gave.
const NOT_YET: u8 = 3;

/// The arguments of `add`.
#[derive(clap::Args)]
pub(crate) struct Add {
    /// The item's text
    text: ItemText,
    /// The item's list; `default` if it is not given
    #[arg(long)]
    list: Option<ListName>,
    /// Wait for the item to be saved and print it: a number of seconds, or a time such as `500ms`. Exits
    /// with 3 if the item is accepted and not saved by then, and with 1 if it is not accepted
    #[arg(long, value_name = "TIME", value_parser = duration::or_seconds)]
    wait: Option<Duration>,
}

/// Publishes the item, and prints that it is accepted, or its saved state. Fails if it is not known to be
/// accepted.
pub(crate) async fn run(
    bus: &Bus,
    broker: &Broker,
    add: Add,
    stop: CancellationToken,
) -> anyhow::Result<ExitCode> {
    let (id, now) = (ItemId::from(Uuid::now_v7()), OffsetDateTime::now_utc());
    let event = NewItem {
        id: Some(id),
        list: add.list,
        item: add.text,
        added_at: Some(now),
    };
    let expected = match add.wait {
        Some(wait) => Some((Replies::open(bus).await?.expect(), wait)),
        None => None,
    };
    let reply_to = expected.as_ref();
    let reply_to = reply_to.map(|(answer, _)| answer.reply_to().to_string());
    let sealed = Envelope::seal(&event, id.into(), env!("CARGO_PKG_NAME"), now);
    let sealed = sealed.with(header::REPLY_TO, reply_to);
    match publish(bus, &sealed).await {
        Err(PublishError::Disconnected) => {
            anyhow::bail!("not accepted: the broker at {broker} is away")
        }
        stored => stored.context("not accepted")?,
    }
    let Some((answer, wait)) = expected else {
        say([format!("accepted {id}")]);
        return Ok(ExitCode::SUCCESS);
    };
    if let Some(saved) = saved(answer, wait, &stop).await {
        items::show_saved(&saved)?;
        return Ok(ExitCode::SUCCESS);
    }
    say([format!("accepted {id}")]);
    eprintln!("not saved yet: the event is stored, and a saver will come to it");
    Ok(ExitCode::from(NOT_YET))
}

/// Publishes until the stream has stored the event, under one message id, so that it is stored once.
async fn publish(bus: &Bus, event: &Envelope) -> Result<(), PublishError> {
    let end = Instant::now() + WITHIN;
    // Without a connection, publishing fails at once, with a better error.
    let _ = timeout(WITHIN, bus.wait_connected()).await;
    loop {
        match bus.publish(event).await {
            Ok(_) => return Ok(()),
            Err(PublishError::Disconnected | PublishError::Unconfirmed) if Instant::now() < end => {
                sleep(RETRY_INTERVAL).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Waits for the saved state of the item; `None` if it is not known in time.
async fn saved(answer: Expected, wait: Duration, stop: &CancellationToken) -> Option<ItemSaved> {
    let answer = stop.run_until_cancelled(answer.within(wait)).await;
    answer??.saved
}
