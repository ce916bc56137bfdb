//! `todoctl sub`: prints messages.

use anyhow::Context;
use bus::{Bus, ReceivedMessage};
use events::header;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use crate::{
    broker::Broker,
    reach::reached,
    text::{printable, rfc3339, say},
};

/// The arguments of `sub`.
#[derive(clap::Args)]
pub(crate) struct Sub {
    /// The subject; `*` stands for one token and `>` for the rest
    #[arg(default_value = events::ALL_SUBJECTS)]
    subject: String,
    /// Read the stored messages, from the first one on, and go on where the last reader with this NAME
    /// stopped; concurrent readers with one NAME share the messages. The position is deleted after a day
    /// without a reader
    #[arg(long, value_name = "NAME")]
    durable: Option<String>,
}

/// Prints messages, a line each, until `stop` is cancelled.
pub(crate) async fn run(
    bus: &Bus,
    broker: &Broker,
    what: &Sub,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    if !reached(bus, broker, &stop).await {
        return Ok(());
    }
    match &what.durable {
        None => hear(bus, &what.subject, stop).await,
        Some(name) => read(bus, name, &what.subject, stop).await,
    }
}

/// Prints the messages that are published from now on.
async fn hear(bus: &Bus, subject: &str, stop: CancellationToken) -> anyhow::Result<()> {
    let mut subscription = bus.subscribe(subject).await?;
    eprintln!("listening on {subject}");
    while let Some(heard) = stop.run_until_cancelled(subscription.next()).await {
        let heard = heard.context("the connection is closed")?;
        // The reader of the output may have closed it, as `head` does.
        if !say([line(&heard)]) {
            break;
        }
    }
    Ok(())
}

/// Prints the stored messages that were not read yet with the durable consumer `name`.
async fn read(bus: &Bus, name: &str, subject: &str, stop: CancellationToken) -> anyhow::Result<()> {
    let mut bookmark = bus.durable_reader(name, subject)?;
    if let Some(opened) = stop.run_until_cancelled(bookmark.open()).await {
        opened?;
        eprintln!("reading {subject} from the stream, as {name}");
    }
    while let Some(heard) = stop.run_until_cancelled(bookmark.next()).await {
        let heard = heard?;
        if !say([line(&heard)]) {
            break;
        }
        // Only printed messages are acknowledged.
        bookmark.read(&heard).await;
    }
    bookmark.leave().await;
    Ok(())
}

/// Returns subject, id, time and body.
fn line(heard: &ReceivedMessage) -> String {
    let id = heard
        .header(header::ID)
        .or_else(|| heard.header(header::MESSAGE_ID))
        .unwrap_or("-");
    let known = || rfc3339(heard.stored_at().unwrap_or_else(OffsetDateTime::now_utc));
    let time = heard.header(header::TIME).map_or_else(known, str::to_owned);
    let body = String::from_utf8_lossy(heard.payload());
    [heard.subject(), id, &time, &body]
        .map(printable)
        .join("  ")
}
