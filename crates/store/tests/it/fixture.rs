//! A migrated database for one test, and events short enough to read.

use std::time::Duration;

use events::{
    ItemAdded, ItemCompleted, ItemDeleted, ItemEvent, ItemId, ItemMoved, ItemRenamed, ItemReopened,
    ItemRestored, ListName, Order, Position, StreamIdentity,
};
use store::{Database, ItemState, ItemStore, Saved};
use testkit::eventually;
use time::{OffsetDateTime, macros::datetime};
use tokio::runtime::{Builder, Runtime};

/// Long enough for any machine, since nothing waits for it to pass.
pub(crate) const SOON: Duration = Duration::from_secs(20);

pub(crate) const ADDED_AT: OffsetDateTime = datetime!(2026-11-20 12:00:00.123456 UTC);

pub(crate) struct Fixture {
    pub(crate) items: ItemStore,
    pub(crate) handle: Database,
    pub(crate) database: testkit::Database,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let database = testkit::Database::create().await;
        store::migrate(&database.url()).await.unwrap();
        let handle = Database::connect(&database.url(), "test", 2).unwrap();
        Self {
            items: ItemStore::new(handle.clone()),
            handle,
            database,
        }
    }

    /// Applies events, each with the sequence at which the stream stored it.
    pub(crate) async fn apply(&self, events: &[(u64, ItemEvent)]) -> Vec<Saved> {
        apply(&self.items, events).await
    }

    /// Applies events of one item.
    pub(crate) async fn apply_one(&self, events: &[(u64, ItemEvent)]) -> Saved {
        let saved = self.apply(events).await;
        let [saved] = saved.try_into().expect("events of one item");
        saved
    }

    /// Counts the connections to the database.
    pub(crate) async fn connections(&self, filter: &str) -> usize {
        let sql = format!(
            "select count(*) from pg_stat_activity \
             where datname = current_database() and application_name like '{filter}'"
        );
        self.database.execute(&sql).await.unwrap().parse().unwrap()
    }
}

/// A runtime for tests whose cases share a database.
pub(crate) fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

pub(crate) async fn apply(items: &ItemStore, events: &[(u64, ItemEvent)]) -> Vec<Saved> {
    let events = events
        .iter()
        .map(|(sequence, event)| (event, at(*sequence)));
    items.apply(events).await.unwrap()
}

pub(crate) async fn becomes_reachable(database: &Database) {
    let mut reachable = database.reachable();
    eventually("the database is reachable", SOON, async || {
        *reachable.borrow_and_update()
    })
    .await;
}

pub(crate) fn at(sequence: u64) -> Position {
    StreamIdentity::new("TODO", datetime!(2026-11-20 00:00 UTC)).position(sequence)
}

pub(crate) fn id(name: &str) -> ItemId {
    ItemId::from_key(name)
}

pub(crate) fn list(name: &str) -> ListName {
    name.parse().unwrap()
}

pub(crate) fn order(place: f64) -> Order {
    place.try_into().unwrap()
}

pub(crate) fn item_added(name: &str, text: &str, place: f64) -> ItemAdded {
    ItemAdded {
        id: id(name),
        list: ListName::default(),
        item: text.parse().unwrap(),
        order: order(place),
        added_at: ADDED_AT,
    }
}

pub(crate) fn added(name: &str, text: &str, place: f64) -> ItemEvent {
    ItemEvent::Added(item_added(name, text, place))
}

pub(crate) fn renamed(name: &str, text: &str) -> ItemEvent {
    ItemEvent::Renamed(ItemRenamed {
        id: id(name),
        item: text.parse().unwrap(),
    })
}

pub(crate) fn moved(name: &str, place: f64) -> ItemEvent {
    ItemEvent::Moved(ItemMoved {
        id: id(name),
        order: order(place),
    })
}

pub(crate) fn completed(name: &str) -> ItemEvent {
    ItemEvent::Completed(ItemCompleted { id: id(name) })
}

pub(crate) fn reopened(name: &str) -> ItemEvent {
    ItemEvent::Reopened(ItemReopened { id: id(name) })
}

pub(crate) fn deleted(name: &str) -> ItemEvent {
    ItemEvent::Deleted(ItemDeleted { id: id(name) })
}

pub(crate) fn restored(name: &str) -> ItemEvent {
    ItemEvent::Restored(ItemRestored { id: id(name) })
}

/// The state of an item that was added as by [`added`] and then left alone.
pub(crate) fn untouched(text: &str, place: f64) -> ItemState {
    ItemState {
        list: ListName::default(),
        item: text.parse().unwrap(),
        completed: false,
        order: order(place),
        deleted: false,
        added_at: ADDED_AT,
    }
}
