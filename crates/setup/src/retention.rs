//! Retention: removes what is kept no longer. No service that goes on running may remove anything, so that
//! it is done here, each time that `setup` runs.

use std::{str::FromStr, time::Duration};

use anyhow::Context;
use bus::Bus;
use service::Service;
use store::Owner;
use time::{Duration as Span, OffsetDateTime};
use tokio::time::timeout;
use tracing::{info, warn};

use crate::{Settings, connect};

/// The group whose events make the items.
pub(crate) const SAVERS: &str = "save-handler";

/// Number of rows of the audit that are removed at a time.
const BATCH: u32 = 10_000;

/// For how long things are kept.
#[derive(clap::Args)]
pub(crate) struct Retention {
    /// For how many days the audit keeps an event, or `forever`.
    #[arg(long, env, default_value = "forever")]
    audit_retention_days: Days<1>,
    /// For how many days the row of a deleted item is kept at least, or `forever`. Without it, an item
    /// that is posted again under its old key is new.
    #[arg(long, env, default_value = "forever")]
    tombstone_retention_days: Days<8>,
    /// For how many days a dead letter is kept, and a replay of one that waits.
    #[arg(long, env, default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub(crate) dead_letter_retention_days: u32,
    /// For how many hours the answer to a request with a key is kept, to be given again.
    #[arg(long, env, default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=8760))]
    pub(crate) ledger_retention_hours: u32,
}

/// A number of days, at least `LEAST`, or for ever.
#[derive(Clone, Copy)]
struct Days<const LEAST: u32>(Option<u32>);

impl<const LEAST: u32> FromStr for Days<LEAST> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "forever" {
            return Ok(Self(None));
        }
        let days = text.parse().ok();
        let days = days.filter(|days| (LEAST..=36_500).contains(days));
        days.map(|days| Self(Some(days)))
            .ok_or_else(|| format!("expected `forever`, or days from {LEAST} to 36500"))
    }
}

impl<const LEAST: u32> Days<LEAST> {
    /// The time before which what was stored is not kept; none where everything is.
    fn before(self, now: OffsetDateTime) -> Option<OffsetDateTime> {
        now.checked_sub(Span::days(self.0?.into()))
    }
}

/// Removes what is kept no longer, for as long as `limit`. The rest is done the next time: nobody's start waits
/// for it, or fails of it.
pub(crate) async fn apply(service: &Service, settings: &Settings, limit: Duration) {
    match timeout(limit, remove(service, settings)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => warn!("cannot remove what is kept no longer: {error:#}"),
        Err(_) => warn!(
            "not all that is kept no longer was removed within {} s; run setup again",
            limit.as_secs()
        ),
    }
}

async fn remove(service: &Service, settings: &Settings) -> anyhow::Result<()> {
    let now = OffsetDateTime::now_utc();
    let mut owner = Owner::log_in(service.sign(&settings.database.database_url).as_str()).await?;
    let bus = connect(service, settings).await?;
    let items = remove_items(&mut owner, &bus, &settings.retention, now).await;
    bus.close().await;
    items?;
    if let Some(before) = settings.retention.audit_retention_days.before(now) {
        remove_audit(&mut owner, before).await?;
    }
    owner.leave().await;
    Ok(())
}

async fn remove_items(
    owner: &mut Owner,
    bus: &Bus,
    retention: &Retention,
    now: OffsetDateTime,
) -> anyhow::Result<()> {
    let reach = bus.reach(SAVERS).await;
    let reach = reach.context("cannot look how far back events are stored")?;
    owner.note_position(reach.last, now).await?;
    let leftovers = owner.forget_leftovers(reach.first).await?;
    if leftovers > 0 {
        info!("removed {leftovers} rows of changes to items that nobody added");
    }
    if let Some(before) = retention.tombstone_retention_days.before(now) {
        let tombstones = owner.forget_tombstones(reach.first, before).await?;
        if tombstones > 0 {
            info!("removed {tombstones} rows of items that were deleted before {before}");
        }
    }
    Ok(())
}

async fn remove_audit(owner: &mut Owner, before: OffsetDateTime) -> anyhow::Result<()> {
    let mut all = 0;
    loop {
        let removed = owner.forget_audit(before, BATCH).await?;
        all += removed;
        if removed == 0 {
            break;
        }
        info!("removed {all} events from the audit that were stored before {before}");
    }
    Ok(())
}
