//! `todoctl status`: the roll call, and how far the groups are.

mod expect;
mod json;
mod table;

use std::{
    io::{self, IsTerminal},
    time::Duration,
};

use anyhow::{Context, ensure};
use bus::{Bus, Missing, Present, Regulars, Roster, Standing};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::{duration, text::say};
use expect::Expectation;

/// How long the broker may take to be reached, and to say how far the groups are.
const BROKER_LIMIT: Duration = Duration::from_secs(5);

/// The pause between two looks.
const PAUSE: Duration = Duration::from_secs(2);

/// Clears the terminal.
const CLEAR: &str = "\x1b[2J\x1b[H";

/// What is shown, and how.
#[derive(clap::Args)]
pub(crate) struct Status {
    /// How many members should answer, as in `save-handler=3,todo-web=1`. It does not wait longer
    /// when they have, and ends with 1 if they do not
    #[arg(long, value_delimiter = ',')]
    expect: Vec<Expectation>,
    /// How long members may take to answer, as in `500ms` or `2s`
    #[arg(long, default_value = "500ms", value_parser = duration::parse)]
    within: Duration,
    /// Look again every 2 seconds, until Ctrl-C; whoever answered in the last minute is expected
    #[arg(long)]
    watch: bool,
    /// Print everything that is known as a JSON object
    #[arg(long)]
    json: bool,
}

/// What there is to show.
struct Look {
    present: Vec<Present>,
    missing: Vec<Missing>,
    /// How far the groups are, or why that is not known.
    standing: anyhow::Result<Standing>,
}

/// Shows the status once, or until `stop` is cancelled. Fails if somebody is missing who was
/// expected by `--expect`.
pub(crate) async fn run(bus: &Bus, status: &Status, stop: CancellationToken) -> anyhow::Result<()> {
    let connected = timeout(BROKER_LIMIT, bus.wait_connected()).await;
    connected.map_err(|_| anyhow::anyhow!("the broker is away (NATS_URL): {}", bus.trouble()))?;
    let mut roster = Roster::default();
    for Expectation { service, count } in &status.expect {
        roster = roster.some(service, *count);
    }
    if status.watch {
        return watch(bus, status, roster, stop).await;
    }
    let present = bus.roll_call(&roster, status.within).await?;
    let missing = roster.missing(&present);
    let count = missing.len();
    let look = Look {
        present,
        missing,
        standing: standing(bus).await,
    };
    say(look.lines(status.json));
    ensure!(count == 0, "{count} did not answer");
    Ok(())
}

/// Every look takes as long as members may take, so that newcomers are seen.
async fn watch(
    bus: &Bus,
    status: &Status,
    roster: Roster,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let mut regulars = Regulars::default();
    let mut looks = tokio::time::interval(PAUSE);
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            _ = looks.tick() => {}
        }
        let shown = match bus.roll_call(&Roster::default(), status.within).await {
            Ok(present) => {
                let missing = regulars.and(&roster).missing(&present);
                regulars.note(&present);
                let look = Look {
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

async fn standing(bus: &Bus) -> anyhow::Result<Standing> {
    let standing = timeout(BROKER_LIMIT, bus.standing()).await;
    Ok(standing.context("the broker did not say in time")??)
}

impl Look {
    fn lines(&self, json: bool) -> Vec<String> {
        if json {
            vec![json::line(self)]
        } else {
            table::lines(self)
        }
    }
}
