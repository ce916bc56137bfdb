//! `todoctl forget`: deletes the position of a group that is gone for good, or shall begin anew.

use anyhow::bail;
use bus::Bus;
use clap::Args;
use tokio_util::sync::CancellationToken;

use crate::{confirm::confirm, text::say};

/// The arguments of `forget`.
#[derive(Args)]
pub(crate) struct Forget {
    /// The group's name, such as `save-handler`
    group: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// Deletes the group's durable consumers at the broker.
pub(crate) async fn run(bus: &Bus, forget: Forget, stop: CancellationToken) -> anyhow::Result<()> {
    let Forget { group, yes } = forget;
    if !yes && !confirm(&format!("forget how far the group {group} is"), stop).await? {
        bail!("nothing was forgotten");
    }
    bus.delete_group(&group).await?;
    say([format!("forgot how far the group {group} was")]);
    Ok(())
}
