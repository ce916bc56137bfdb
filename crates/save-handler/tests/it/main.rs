//! Tests of saving, with a real broker and a real database.
#![expect(
    clippy::unwrap_used,
    reason = "a test fails where its ground gives way"
)]

mod answers;
mod world;

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use bus::{Batches, Delivery};
use events::{ItemCompleted, ItemDeleted, ItemId, ItemRenamed, ItemSaved, NewItem, TodoEvent};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use world::World;

fn new_item(id: ItemId, text: &str) -> NewItem {
    NewItem {
        id: Some(id),
        list: None,
        item: text.parse().unwrap(),
        added_at: None,
    }
}

#[tokio::test]
async fn what_was_saved_is_announced_with_its_cause() {
    let world = World::new().await;
    let id = ItemId::from(Uuid::now_v7());
    world
        .publish(&new_item(id, "buy milk"), id.uuid(), Some("request-1"))
        .await;
    let saved = world.save(1, world.saver()).await;
    let [(announcement, correlation)] = &saved[..] else {
        panic!("{saved:?}")
    };
    assert_eq!((announcement.id, announcement.version), (id, 1));
    assert_eq!(announcement.item.as_str(), "buy milk");
    assert_eq!(announcement.cause.as_str(), id.to_string());
    assert_eq!(correlation.as_deref(), Some("request-1"));
}

/// A member that dies between the commit and the acknowledgement leaves its batch to another.
#[tokio::test]
async fn saving_a_batch_again_changes_nothing_and_announces_nothing_new() {
    let world = World::new().await;
    for n in 0..20 {
        let id = ItemId::from(Uuid::now_v7());
        world
            .publish(&new_item(id, &format!("item {n}")), id.uuid(), None)
            .await;
    }
    let one = world.saver();
    let twice = async |batch: &[Delivery<TodoEvent>]| {
        one.save(batch).await?;
        one.save(batch).await
    };
    let saved = world.save_with(20, twice).await;
    assert_eq!(saved.len(), 20);
    assert!(
        saved
            .iter()
            .all(|(announcement, _)| announcement.version == 1)
    );
}

/// The log lines, in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(text)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn an_item_is_logged_as_saved_once_however_often_its_event_comes() {
    let world = World::new().await;
    let id = ItemId::from(Uuid::now_v7());
    world
        .publish(&new_item(id, "buy milk"), id.uuid(), None)
        .await;
    let (log, one) = (Log::default(), world.saver());
    let written = log.clone();
    let logs = tracing_subscriber::fmt().with_writer(move || written.clone());
    let logging = tracing::subscriber::set_default(logs.finish());
    let twice = async |batch: &[Delivery<TodoEvent>]| {
        one.save(batch).await?;
        one.save(batch).await
    };
    world.save_with(1, twice).await;
    drop(logging);
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let count = |text: &str| log.lines().filter(|line| line.contains(text)).count();
    assert_eq!(count("saved item"), 1, "{log}");
    assert_eq!(count("had been saved already"), 1, "{log}");
}

/// If only some announcements fit into the stream, those of the oldest events are stored, and the oldest
/// events are acknowledged first.
#[tokio::test]
async fn a_batch_is_announced_in_the_order_of_its_events() {
    let world = World::new().await;
    let mut ids: Vec<_> = (0..20).map(|_| ItemId::from(Uuid::now_v7())).collect();
    ids.reverse();
    for id in &ids {
        world.publish(&new_item(*id, "milk"), id.uuid(), None).await;
    }
    let saved = world.save(20, world.saver()).await;
    let announced = saved.iter().map(|(announcement, _)| announcement.id);
    assert_eq!(announced.collect::<Vec<_>>(), ids);
}

/// Meanwhile, another member may have saved an event that is older and came later.
#[tokio::test]
async fn an_event_that_comes_again_announces_the_state_of_now() {
    let (world, id) = (World::new().await, ItemId::from(Uuid::now_v7()));
    world.publish(&new_item(id, "milk"), id.uuid(), None).await;
    let one = world.saver();
    let announced = world
        .save_with(2, async |batch: &[Delivery<TodoEvent>]| {
            one.save(batch).await?;
            if matches!(batch[0].event, TodoEvent::Item(_)) {
                world
                    .sql("update items set completed = true, version = version + 1")
                    .await;
                one.save(batch).await?;
            }
            Ok(())
        })
        .await;
    let states = announced
        .iter()
        .map(|(saved, _)| (saved.version, saved.completed));
    assert_eq!(states.collect::<Vec<_>>(), [(1, false), (2, true)]);
}

#[tokio::test]
async fn an_item_that_is_not_added_yet_is_not_announced() {
    let world = World::new().await;
    let id = ItemId::from(Uuid::now_v7());
    let early = ItemRenamed {
        id,
        item: "oat milk".parse().unwrap(),
    };
    world.publish(&early, Uuid::now_v7(), None).await;
    world
        .publish(&ItemCompleted { id }, Uuid::now_v7(), None)
        .await;
    assert!(world.save(0, world.saver()).await.is_empty());
    world.publish(&new_item(id, "milk"), id.uuid(), None).await;
    let saved = world.save(1, world.saver()).await;
    let (announcement, _) = &saved[0];
    assert_eq!(
        (announcement.item.as_str(), announcement.completed),
        ("oat milk", true)
    );
}

#[tokio::test]
async fn a_deleted_item_is_announced_as_gone() {
    let world = World::new().await;
    let id = ItemId::from(Uuid::now_v7());
    world.publish(&new_item(id, "milk"), id.uuid(), None).await;
    world.save(1, world.saver()).await;
    world
        .publish(&ItemDeleted { id }, Uuid::now_v7(), None)
        .await;
    let saved = world.save(2, world.saver()).await;
    let last = &saved.last().unwrap().0;
    assert_eq!((last.deleted, last.version), (true, 2));
}

#[tokio::test]
async fn an_item_that_the_database_refuses_holds_up_no_other_item_of_its_batch() {
    let world = World::new().await;
    world
        .sql("alter table items add constraint no_lead check (item <> 'lead')")
        .await;
    let mut refused = None;
    for n in 0..100 {
        let id = ItemId::from(Uuid::now_v7());
        let text = if n == 37 { "lead" } else { "gold" };
        refused = refused.or((n == 37).then_some(id));
        world.publish(&new_item(id, text), id.uuid(), None).await;
    }
    let started = std::time::Instant::now();
    let saved = world.save(99, world.saver()).await;
    let elapsed = started.elapsed();
    assert!(elapsed < std::time::Duration::from_secs(4), "{elapsed:?}");
    assert_eq!(saved.len(), 99);
    assert!(saved.iter().all(|(item, _)| item.version == 1));
    assert_eq!(world.bus.dead_letters_state().await.unwrap().count, 1);
    let desk = world.bus.dead_letters().await.unwrap();
    let letter = desk.get(1).await.unwrap().unwrap();
    let event = letter.event.unwrap();
    assert_eq!(Some(event.id.to_string()), refused.map(|id| id.to_string()));
    assert!(letter.reason.contains("no_lead"), "{}", letter.reason);
    assert_eq!(letter.attempts, 1);
}

impl World {
    /// Has a saver work until `announced` items are announced and nothing is left to do. Returns
    /// every announcement since the first.
    async fn save(
        &self,
        announced: usize,
        saver: save_handler::Saver,
    ) -> Vec<(ItemSaved, Option<String>)> {
        self.save_with(announced, async |batch: &[_]| saver.save(batch).await)
            .await
    }

    async fn save_with<F>(&self, announced: usize, save: F) -> Vec<(ItemSaved, Option<String>)>
    where
        F: AsyncFn(&[Delivery<TodoEvent>]) -> Result<(), bus::HandlerError>,
    {
        let stop = CancellationToken::new();
        // One batch after another: of two at once, either may be announced first.
        let batches = Batches {
            size: 100,
            at_once: 1,
            pace: std::time::Duration::ZERO,
        };
        let group = self.bus.group("save-handler", events::ALL_SUBJECTS);
        let working = group.batches(batches, stop.clone(), save);
        let watching = async {
            let stored = self.quiet(announced).await;
            stop.cancel();
            stored
        };
        let (worked, stored) = tokio::join!(working, watching);
        worked.unwrap();
        self.announcements(stored).await
    }
}
