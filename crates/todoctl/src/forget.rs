//! `todoctl forget`: a group that is gone for good, or shall begin anew.

use anyhow::bail;
use bus::Bus;
use clap::Args;
use tokio_util::sync::CancellationToken;

use crate::{confirm::confirm, text::say};

/// Which group.
#[derive(Args)]
pub(crate) struct Forget {
    /// The group's name, such as `save-handler`
    group: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// Removes the group's places at the broker.
pub(crate) async fn run(bus: &Bus, forget: Forget, stop: CancellationToken) -> anyhow::Result<()> {
    let Forget { group, yes } = forget;
    if !yes && !confirm(&format!("forget how far the group {group} is"), stop).await? {
        bail!("nothing was forgotten");
    }
    bus.remove_group(&group).await?;
    say([format!("forgot how far the group {group} was")]);
    Ok(())
}
