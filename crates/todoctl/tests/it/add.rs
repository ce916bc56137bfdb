//! Tests of `todoctl add`.

use bus::Delivery;
use events::{EventId, ItemEvent, ItemSaved, SaveReply, TodoEvent};
use tokio_util::sync::CancellationToken;

use crate::world::World;

/// Replies to each new item as a saver does, while `test` runs.
async fn saving(world: &World, test: impl Future<Output = ()>) {
    let stop = CancellationToken::new();
    let bus = &world.bus;
    let save = async |event: &Delivery<TodoEvent>| {
        let TodoEvent::Item(ItemEvent::Added(added)) = &event.event else {
            panic!("not an item: {event:?}")
        };
        let saved = ItemSaved {
            id: added.id,
            list: added.list.clone(),
            item: added.item.clone(),
            completed: false,
            order: added.order,
            deleted: false,
            added_at: added.added_at,
            version: 1,
            cause: EventId::from(added.id),
        };
        let reply = SaveReply { saved: Some(saved) };
        let to = event.meta.reply_to.clone();
        bus.reply_all(to.map(|to| reply.seal(to, None)).into_iter().collect())
            .await;
        Ok(())
    };
    let group = bus.group("saver", events::ALL_SUBJECTS);
    let working = group.each(stop.clone(), save);
    let testing = async {
        test.await;
        stop.cancel();
    };
    let (ended, ()) = tokio::join!(working, testing);
    ended.unwrap();
}

#[tokio::test]
async fn whoever_waits_sees_the_item_as_it_was_saved() {
    let world = World::new().await;
    saving(&world, async {
        let arguments = ["add", " buy milk ", "--list", "shopping", "--wait", "10"];
        let page = world.printed(&arguments).await;
        let fields: Vec<(&str, &str)> = page
            .lines()
            .map(|line| line.split_once(' ').unwrap())
            .map(|(name, value)| (name, value.trim()))
            .collect();
        assert_eq!(
            fields[1..4],
            [("list", "shopping"), ("item", "buy milk"), ("done", "no")]
        );
        assert_eq!(fields[5], ("version", "1"));
    })
    .await;
}

#[tokio::test]
async fn whoever_waits_in_vain_hears_that_the_item_is_accepted() {
    let world = World::new().await;
    let output = world.todoctl(&["add", "buy milk", "--wait", "100ms"]).await;
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8(output.stdout).unwrap();
    let id = said.strip_prefix("accepted ").unwrap().trim_end();
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(complaint.starts_with("not saved yet"), "{complaint}");
    // Without `--wait` it prints the same, and succeeds.
    let said = world.printed(&["add", "feed the cat"]).await;
    let second = said.strip_prefix("accepted ").unwrap().trim_end();
    let bodies = world.handle("tester", 2).await;
    for (body, id, text) in [
        (&bodies[0], id, "buy milk"),
        (&bodies[1], second, "feed the cat"),
    ] {
        assert!(body.contains(id) && body.contains(text), "{body}");
    }
}

#[tokio::test]
async fn what_is_not_accepted_is_refused_with_the_reason() {
    let mut world = World::new().await;
    for (text, reason) in [("", "must not be empty"), (&"x".repeat(257), "at most 256")] {
        let output = world.todoctl(&["add", text, "--wait", "10"]).await;
        assert_eq!(output.status.code(), Some(2));
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert!(complaint.contains(reason), "{complaint}");
    }
    world.broker.stop().await.unwrap();
    let complaint = world.complaint(&["add", "buy milk", "--wait", "10"]).await;
    let port = world.broker.port();
    let broker = format!("the broker at nats://127.0.0.1:{port} (NATS_URL)");
    let expected = format!("error: not accepted: {broker} is away\n");
    assert!(complaint.ends_with(&expected), "{complaint}");
    world.broker.restart().await.unwrap();
    world.fill_the_stream().await;
    let complaint = world.complaint(&["add", "buy milk", "--wait", "10"]).await;
    assert!(
        complaint.starts_with("error: not accepted: the stream refused"),
        "{complaint}"
    );
}
