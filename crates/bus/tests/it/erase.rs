//! Erasing texts, by sequence, on a real store.

use std::{fs, path::Path};

use async_nats::jetstream;
use base64::{Engine, prelude::BASE64_STANDARD};
use bus::{Delivery, EraseError, FeedItem, LossWatch, Start};
use events::{ItemId, TodoEvent};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::world::{SOON, Seen, World, during};

/// Text that must be found nowhere.
const SECRET: &[u8] = b"secret";

/// Tells whether a file under this directory has these bytes.
fn is_stored(directory: &Path, bytes: &[u8]) -> bool {
    let entries = fs::read_dir(directory).unwrap().map(Result::unwrap);
    entries.map(|entry| entry.path()).any(|path| {
        if path.is_dir() {
            return is_stored(&path, bytes);
        }
        let content = fs::read(&path).unwrap_or_default();
        content.windows(bytes.len()).any(|window| window == bytes)
    })
}

impl World {
    /// Has the group `saver` handle whatever there is.
    async fn handle_all(&self) {
        let (stop, seen) = (CancellationToken::new(), Seen::default());
        let group = self.bus.group("saver", events::ALL_SUBJECTS);
        let member = group.each(stop.clone(), async |event: &Delivery<TodoEvent>| {
            seen.note(event);
            Ok(())
        });
        during(&stop, [member], self.settled("saver")).await;
    }

    async fn erase(&self, item: ItemId) -> Vec<(&'static str, u64)> {
        let texts = self.bus.find_texts(&[item]).await.unwrap();
        let mut erased = self.bus.erase_texts(&texts).await.unwrap();
        erased.retain(|(_, count)| *count > 0);
        erased
    }

    /// The bodies of the events that are stored.
    async fn bodies(&self) -> Vec<String> {
        let jetstream = jetstream::new(self.raw.clone());
        let todo = jetstream.get_stream("TODO").await.unwrap();
        let last = todo.cached_info().state.last_sequence;
        let mut bodies = Vec::new();
        for sequence in 1..=last {
            if let Ok(message) = todo.get_raw_message(sequence).await {
                bodies.push(String::from_utf8_lossy(&message.payload).into_owned());
            }
        }
        bodies
    }
}

#[tokio::test]
async fn what_carries_a_text_of_the_item_is_gone_from_every_stream_and_from_the_disk() {
    let world = World::new().await;
    let id = ItemId::from(Uuid::now_v7());
    let (plain, loud) = (id.to_string(), id.to_string().to_uppercase());
    let utf16: Vec<u8> = format!(r#"{{"id":"{id}","item":"wide"}}"#)
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let simple = id.uuid().simple();
    for (subject, body) in [
        ("newitem", format!(r#"{{"id":"{plain}","item":"secret"}}"#)),
        (
            "itemrenamed",
            format!(r#"{{"id":"{loud}","item":"secret 2"}}"#),
        ),
        (
            "itemrenamed",
            format!(r#"{{"id":"{simple}","item":"secret 3"}}"#),
        ),
        ("itemmoved", format!(r#"{{"id":"{plain}","order":2}}"#)),
        ("itemdeleted", format!(r#"{{"id":"{plain}"}}"#)),
        // Nobody knows what this is.
        ("odd", format!(r#"{{"what":"{plain}","why":"secret"}}"#)),
        ("newitem", r#"{"item":"eggs"}"#.to_owned()),
    ] {
        world
            .publish_raw(&format!("events.todo.{subject}"), body)
            .await;
    }
    world.publish_raw("events.todo.newitem", utf16).await;
    // What is a dead letter, and what waits to be handled after all.
    let letters = world.refuse_all(8).await;
    let desk = world.desk().await;
    desk.replay(&letters[0]).await.unwrap();
    for key in [id.uuid(), Uuid::now_v7()] {
        let answer = BASE64_STANDARD.encode(format!(r#"{{"id":"{id}","item":"secret"}}"#));
        let note = format!(r#"{{"state":"answered","body":"{answer}"}}"#);
        world.bus.put_entry(key, 0, note.into()).await.unwrap();
    }
    let other = br#"{"state":"free"}"#.to_vec();
    let free = Uuid::now_v7();
    world.bus.put_entry(free, 0, other.into()).await.unwrap();
    let store = world.broker.dir().join("store");
    assert!(is_stored(&store, SECRET));

    let erased = [
        ("DEAD_LETTERS", 4),
        ("LEDGER", 2),
        ("REPLAYS", 1),
        ("TODO", 5),
    ];
    assert_eq!(world.erase(id).await, erased);
    assert_eq!(world.erase(id).await, []);
    let moved = format!(r#"{{"id":"{plain}","order":2}}"#);
    let deleted = format!(r#"{{"id":"{plain}"}}"#);
    let left = [&moved, &deleted, r#"{"item":"eggs"}"#];
    assert_eq!(world.bodies().await, left);
    assert!(world.bus.get_entry(free).await.unwrap().is_some());
    assert!(!is_stored(&store, SECRET), "the broker's files have it");
}

#[tokio::test]
async fn an_item_that_was_published_without_an_id_is_found_where_it_was_stored() {
    let world = World::new().await;
    world
        .publish_raw("events.todo.newitem", r#"{"item":"secret"}"#)
        .await;
    world
        .publish_raw("events.todo.newitem", r#"{"item":"eggs"}"#)
        .await;
    let letters = world.refuse_all(2).await;
    let id = letters[0].event.as_ref().unwrap().origin.derived_id();
    let erased = [("DEAD_LETTERS", 1), ("TODO", 1)];
    assert_eq!(world.erase(id.into()).await, erased);
    assert_eq!(world.bodies().await, [r#"{"item":"eggs"}"#]);
}

#[tokio::test]
async fn nothing_is_erased_that_a_group_has_not_handled() {
    let world = World::new().await;
    world.handle_all().await;
    let id = world.add("secret").await;
    let id: ItemId = id.as_str().parse().unwrap();
    let refused = world.bus.find_texts(&[id]).await.unwrap_err();
    assert!(
        matches!(&refused, EraseError::Unhandled(group) if group == "saver"),
        "{refused:?}"
    );
    world.handle_all().await;
    assert_eq!(world.erase(id).await, [("TODO", 1)]);
}

/// The newest event of all is erased, and the broker dies; before, and after more events.
#[tokio::test]
async fn the_gap_is_no_loss_and_whoever_reads_goes_on_behind_it() {
    let mut world = World::new().await;
    let mut watch = LossWatch::default();
    world.add("milk").await;
    world.handle_all().await;
    for (known, more) in [(1, 0), (3, 2)] {
        let id = world.add("secret").await;
        let id: ItemId = id.as_str().parse().unwrap();
        world.handle_all().await;
        assert_eq!(world.bus.mend_losses(&mut watch).await.unwrap(), []);
        assert_eq!(world.erase(id).await, [("TODO", 1)]);
        assert_eq!(world.bus.mend_losses(&mut watch).await.unwrap(), []);
        for number in 0..more {
            world.add(&format!("eggs {number}")).await;
        }
        world.broker.kill().await.unwrap();
        world.broker.restart().await.unwrap();
        world.bus.wait_connected().await;
        let losses = world.bus.mend_losses(&mut watch).await.unwrap();
        assert_eq!(losses, [], "with {more} more");
        // The group gets what comes then, and only that.
        let (stop, seen) = (CancellationToken::new(), Seen::default());
        let group = world.bus.group("saver", events::ALL_SUBJECTS);
        let member = group.each(stop.clone(), async |event: &Delivery<TodoEvent>| {
            seen.note(event);
            Ok(())
        });
        during(&stop, [member], async {
            world.add("bread").await;
            seen.reach(more + 1).await;
            world.settled("saver").await;
        })
        .await;
        assert_eq!(seen.len(), more + 1);
        let start = Start::After(known);
        let mut feed = world.bus.feed("events.todo.newitem", start);
        let mut texts = Vec::new();
        while texts.last().is_none_or(|text| text != "bread") {
            match timeout(SOON, feed.next::<TodoEvent>()).await.unwrap() {
                FeedItem::Event(event) => texts.push(text(&event.event)),
                FeedItem::CaughtUp => {}
                FeedItem::Begins { after } => panic!("the feed begins anew after {after}"),
            }
        }
        assert_eq!(texts.len(), more + 1, "{texts:?}");
    }
}

fn text(event: &TodoEvent) -> String {
    match event {
        TodoEvent::Item(events::ItemEvent::Added(added)) => added.item.to_string(),
        other => format!("{other:?}"),
    }
}
