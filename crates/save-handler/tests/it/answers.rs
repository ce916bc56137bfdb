//! Tests of replies to publishers that wait for the save.

use std::time::Duration;

use bus::{Delivery, Expected, Replies};
use events::{Event, ItemCompleted, ItemDeleted, ItemId, ItemRenamed, ItemSaved, TodoEvent};
use uuid::Uuid;

use crate::{new_item, world::World};

const SOON: Duration = Duration::from_secs(10);

/// Returns the item in the reply, which must come.
async fn answered(expected: Expected) -> Option<ItemSaved> {
    let answer = expected.within(SOON).await;
    answer.expect("an answer comes").saved
}

impl World {
    async fn replies(&self) -> Replies {
        Replies::open(&self.bus).await.unwrap()
    }

    /// Publishes an event that `expected` waits for.
    async fn publish_for<E: Event>(&self, expected: &Expected, event: &E, id: Uuid) {
        self.publish_asking(event, id, expected.reply_to().as_str())
            .await;
    }
}

#[tokio::test]
async fn who_waits_is_answered_after_the_commit_with_what_is_saved() {
    let world = World::new().await;
    world
        .sql(
            "create function slow() returns trigger language plpgsql as
                 'begin perform pg_sleep(0.7); return null; end';
             create constraint trigger slow after insert on items deferrable initially deferred
                 for each row execute function slow()",
        )
        .await;
    let (replies, id) = (world.replies().await, ItemId::from(Uuid::now_v7()));
    let expected = replies.expect();
    world
        .publish_for(&expected, &new_item(id, "buy milk"), id.uuid())
        .await;
    let saving = world.save(1, world.saver());
    let waiting = async {
        let saved = answered(expected).await.unwrap();
        let count = "select count(*) from items where created_position is not null";
        assert_eq!(world.sql(count).await, "1", "others see what was answered");
        saved
    };
    let (announced, saved) = tokio::join!(saving, waiting);
    assert_eq!(announced[0].0, saved, "the answer is what is announced");
    assert_eq!((saved.id, saved.version), (id, 1));
    assert_eq!(saved.item.as_str(), "buy milk");
}

#[tokio::test]
async fn each_event_of_an_item_is_answered_with_a_state_that_has_it() {
    let world = World::new().await;
    let (replies, id) = (world.replies().await, ItemId::from(Uuid::now_v7()));
    let (added, renamed, deleted) = (replies.expect(), replies.expect(), replies.expect());
    world
        .publish_for(&added, &new_item(id, "milk"), id.uuid())
        .await;
    let item = "oat milk".parse().unwrap();
    world
        .publish_for(&renamed, &ItemRenamed { id, item }, Uuid::now_v7())
        .await;
    world
        .publish(&ItemCompleted { id }, Uuid::now_v7(), None)
        .await;
    world
        .publish_for(&deleted, &ItemDeleted { id }, Uuid::now_v7())
        .await;
    world.save(1, world.saver()).await;
    // A batch may have any number of an item's events; each reply has the state after all of them.
    assert_eq!(answered(added).await.unwrap().id, id);
    assert_eq!(answered(renamed).await.unwrap().item.as_str(), "oat milk");
    let last = answered(deleted).await.unwrap();
    assert!(last.deleted);
}

#[tokio::test]
async fn an_event_that_comes_again_is_answered_again() {
    let world = World::new().await;
    let (replies, id) = (world.replies().await, ItemId::from(Uuid::now_v7()));
    let expected = replies.expect();
    let mut heard = world
        .bus
        .subscribe(expected.reply_to().as_str())
        .await
        .unwrap();
    world
        .publish_for(&expected, &new_item(id, "milk"), id.uuid())
        .await;
    let saver = world.saver();
    let twice = async |batch: &[Delivery<TodoEvent>]| {
        saver.save(batch).await?;
        saver.save(batch).await
    };
    world.save_with(1, twice).await;
    assert_eq!(answered(expected).await.unwrap().version, 1);
    let (first, second) = (heard.next().await.unwrap(), heard.next().await.unwrap());
    assert_eq!(first.payload(), second.payload());
}

#[tokio::test]
async fn who_changes_an_item_that_nobody_added_is_told() {
    let world = World::new().await;
    let (replies, id) = (world.replies().await, ItemId::from(Uuid::now_v7()));
    let expected = replies.expect();
    world
        .publish_for(&expected, &ItemCompleted { id }, Uuid::now_v7())
        .await;
    world.save(0, world.saver()).await;
    assert_eq!(answered(expected).await, None);
}

#[tokio::test]
async fn an_answer_goes_nowhere_but_where_answers_may_go() {
    let world = World::new().await;
    let mut heard = world.bus.subscribe(">").await.unwrap();
    let elsewhere = [
        "events.todo.itemdeleted",
        "dead.save-handler",
        "_INBOX.todo-api.x",
    ];
    for subject in elsewhere {
        let id = ItemId::from(Uuid::now_v7());
        world
            .publish_asking(&new_item(id, "milk"), id.uuid(), subject)
            .await;
    }
    world.save(elsewhere.len(), world.saver()).await;
    world.bus.send_raw("mark", "").await.unwrap();
    loop {
        let message = heard.next().await.unwrap();
        let subject = message.subject();
        assert!(!elsewhere.contains(&subject), "answered on {subject}");
        if subject == "mark" {
            break;
        }
    }
}
