//! A member that dies of some events, for the tests of their redelivery and dead letters. It prints the
//! texts of those that it survived.

use std::{error::Error, process::abort, time::Duration};

use bus::{Bus, Delivery, HandlerError, RedeliveryPolicy};
use events::{Decode, ItemEvent, Malformed, Origin, Raw, Received, TodoEvent};
use tokio_util::sync::CancellationToken;

/// An ack wait so short that a test need not wait for long, and longer than a busy machine holds up a
/// member.
const REDELIVERY: RedeliveryPolicy = RedeliveryPolicy {
    ack_wait: Duration::from_millis(500),
    max_deliveries: 16,
};

/// The text of an item that was added.
struct Text(String);

impl Decode for Text {
    fn decode(raw: &Raw<'_>, origin: Origin) -> Result<Received<Self>, Malformed> {
        let Received {
            event,
            meta,
            origin,
        } = TodoEvent::decode(raw, origin)?;
        let text = match event {
            TodoEvent::Item(ItemEvent::Added(added)) => added.item.to_string(),
            other => format!("{other:?}"),
        };
        if text == "kills who reads it" {
            abort();
        }
        Ok(Received {
            event: Self(text),
            meta,
            origin,
        })
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).ok_or("where is the broker?")?;
    let bus = Bus::connect(&url, "mortal", "mortal-1").await?;
    let group = bus
        .group("mortal", events::ALL_SUBJECTS)
        .redelivery_policy(REDELIVERY);
    let handle = async |event: &Delivery<Text>| {
        if event.event.0 == "kills who handles it" {
            abort();
        }
        println!("{}", event.event.0);
        Ok::<(), HandlerError>(())
    };
    group.each(CancellationToken::new(), handle).await?;
    Ok(())
}
