//! Erasing the texts of items for good, because a person wishes it.

use anyhow::ensure;
use bus::Bus;
use events::ItemId;
use service::Service;
use store::{ItemErasure, Owner};
use tracing::info;

use crate::{Settings, connect};

/// Erases what the database and the broker have of the texts of the items that the settings name, and says where
/// how much it was.
///
/// All that refuses it comes before anything is changed. Where it is interrupted, running it again does the rest.
pub(crate) async fn erase(service: &Service, settings: &Settings) -> anyhow::Result<()> {
    let items = &settings.erase_items;
    let mut owner = Owner::log_in(service.sign(&settings.database.database_url).as_str()).await?;
    for item in items {
        let found = owner.erasable(*item).await?;
        ensure!(
            found != ItemErasure::Visible,
            "item {item} is not deleted, and nothing was erased; delete it first, as by `DELETE /todo/{item}`"
        );
    }
    let bus = connect(service, settings).await?;
    erase_everywhere(&mut owner, &bus, items).await?;
    bus.close().await;
    owner.leave().await;
    Ok(())
}

/// The rows come before the broker: while a message is stored, it may be given out again, and a row that knows
/// that it was erased takes nothing from it.
async fn erase_everywhere(owner: &mut Owner, bus: &Bus, items: &[ItemId]) -> anyhow::Result<()> {
    let texts = bus.find_texts(items).await?;
    for item in items {
        match owner.erase_item(*item, texts.last).await? {
            ItemErasure::Visible => info!("item {item} is back, and its row keeps its text"),
            ItemErasure::Erased => info!("erased the text of item {item} in the table of items"),
            ItemErasure::AlreadyErased => info!("the table of items has no text of item {item}"),
            ItemErasure::Unknown => info!("the table of items has no item {item}"),
        }
    }
    for (stream, count) in bus.erase_texts(&texts).await? {
        info!("erased {count} messages of the stream {stream}");
    }
    for item in items {
        let count = owner.erase_audit(*item).await?;
        info!("erased the texts of {count} events of item {item} in the audit");
    }
    Ok(())
}
