//! `todoctl status`: the members that discovery finds, and the progress of the groups.

mod expect;
mod json;
mod table;

use std::{
    io::{self, IsTerminal},
    time::Duration,
};

use anyhow::{Context, ensure};
use bus::{Bus, ExpectedMembers, MemberInfo, Missing, RecentMembers, StreamStatus};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::{duration, text::say};
use expect::Expectation;

/// Timeout of asking the broker for the groups' progress.
const BROKER_LIMIT: Duration = Duration::from_secs(5);

/// The interval of `--watch`.
const REFRESH_INTERVAL: Duration = Duration::from_secs(2);

/// The escape sequence that clears the terminal.
const CLEAR: &str = "\x1b[2J\x1b[H";

/// The arguments of `status`.
#[derive(clap::Args)]
pub(crate) struct Status {
    /// The number of members that should respond, as in `save-handler=3,todo-web=1`. Does not wait longer
    /// when they have, and exits with 1 if they do not
    #[arg(long, value_delimiter = ',')]
    expect: Vec<Expectation>,
    /// The time within which members must respond, as in `500ms` or `2s`
    #[arg(long, default_value = "500ms", value_parser = duration::parse)]
    within: Duration,
    /// Repeat every 2 seconds, until Ctrl-C; members that responded in the last minute are expected
    #[arg(long)]
    watch: bool,
    /// Print all fields as a JSON object
    #[arg(long)]
    json: bool,
}

/// The status at one time.
struct Report {
    present: Vec<MemberInfo>,
    missing: Vec<Missing>,
    /// The progress of the groups, or the reason why it is not known.
    standing: anyhow::Result<StreamStatus>,
}

/// Shows the status once, or until `stop` is cancelled. Fails if a member is missing that `--expect`
/// names.
pub(crate) async fn run(bus: &Bus, status: &Status, stop: CancellationToken) -> anyhow::Result<()> {
    let mut roster = ExpectedMembers::default();
    for Expectation { service, count } in &status.expect {
        roster = roster.some(service, *count);
    }
    if status.watch {
        return watch(bus, status, roster, stop).await;
    }
    let present = bus.discover(&roster, status.within).await?;
    let missing = roster.missing(&present);
    let count = missing.len();
    let look = Report {
        present,
        missing,
        standing: standing(bus).await,
    };
    say(look.lines(status.json));
    ensure!(count == 0, "{count} did not answer");
    Ok(())
}

/// Shows the status again and again. Each time it waits for the whole of `--within`, so that new members are
/// found.
async fn watch(
    bus: &Bus,
    status: &Status,
    roster: ExpectedMembers,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let mut regulars = RecentMembers::default();
    let mut looks = tokio::time::interval(REFRESH_INTERVAL);
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            _ = looks.tick() => {}
        }
        let shown = match bus
            .discover(&ExpectedMembers::default(), status.within)
            .await
        {
            Ok(present) => {
                let missing = regulars.and(&roster).missing(&present);
                regulars.note(&present);
                let look = Report {
                    present,
                    missing,
                    standing: standing(bus).await,
                };
                look.lines(status.json)
            }
            Err(error) => vec![format!("{:#}", anyhow::Error::from(error))],
        };
        let clear = !status.json && io::stdout().is_terminal();
        let start = clear.then(|| CLEAR.to_owned());
        if !say(start.into_iter().chain(shown)) {
            return Ok(());
        }
    }
}

async fn standing(bus: &Bus) -> anyhow::Result<StreamStatus> {
    let standing = timeout(BROKER_LIMIT, bus.stream_status()).await;
    Ok(standing.context("the broker did not say in time")??)
}

impl Report {
    fn lines(&self, json: bool) -> Vec<String> {
        if json {
            vec![json::line(self)]
        } else {
            table::lines(self)
        }
    }
}
