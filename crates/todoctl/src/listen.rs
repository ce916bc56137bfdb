//! `todoctl sub`.

use std::io::{self, Write as _};

use anyhow::Context;
use bus::{Bus, Heard};
use events::header;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio_util::sync::CancellationToken;

use crate::text::printable;

/// Prints what is published on `subject`, a line each, until `stop` is cancelled.
pub(crate) async fn run(bus: &Bus, subject: &str, stop: CancellationToken) -> anyhow::Result<()> {
    let mut subscription = bus.subscribe(subject).await?;
    eprintln!("listening on {subject}");
    loop {
        let heard = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            heard = subscription.next() => heard.context("the connection is closed")?,
        };
        // Whoever reads may have read enough, as `head` does.
        if writeln!(io::stdout().lock(), "{}", line(&heard)).is_err() {
            return Ok(());
        }
    }
}

/// Subject, id, time, body.
fn line(heard: &Heard) -> String {
    let id = heard
        .header(header::ID)
        .or_else(|| heard.header(header::MESSAGE_ID))
        .unwrap_or("-");
    let now = || {
        OffsetDateTime::now_utc()
            .format(&Rfc3339)
            .unwrap_or_default()
    };
    let time = heard.header(header::TIME).map_or_else(now, str::to_owned);
    let body = String::from_utf8_lossy(heard.payload());
    [heard.subject(), id, &time, &body]
        .map(printable)
        .join("  ")
}
