//! Tests of `todoctl forget`.

use bus::Delivery;
use events::TodoEvent;
use testkit::eventually;
use tokio_util::sync::CancellationToken;

use crate::world::{SOON, World};

#[tokio::test]
async fn a_group_that_was_forgotten_is_unknown_and_begins_anew_if_it_comes_back() {
    let world = World::new().await;
    world.add("a").await;
    assert_eq!(world.handle("printer", 1).await.len(), 1);

    let said = world.printed_at_last(&["forget", "printer"]).await;

    assert_eq!(said, "forgot how far the group printer was\n");
    let complaint = world.complaint(&["forget", "printer"]).await;
    assert!(
        complaint.contains("knows no group `printer`"),
        "{complaint}"
    );
    world.add("b").await;
    let bodies = world.handle("printer", 2).await;
    assert!(bodies[0].contains("\"a\""), "{bodies:?}");
}

#[tokio::test]
async fn a_group_whose_members_are_at_work_is_not_forgotten() {
    let world = World::new().await;
    let stop = CancellationToken::new();
    let group = world.bus.group("printer", events::ALL_SUBJECTS);
    let working = group.each(stop.clone(), async |_: &Delivery<TodoEvent>| Ok(()));
    let forgetting = async {
        eventually("the group is known, and at work", SOON, async || {
            let complaint = world.complaint(&["forget", "printer"]).await;
            if complaint.contains("stop them first") {
                Ok(())
            } else {
                Err(complaint)
            }
        })
        .await;
        stop.cancel();
    };
    let (ended, ()) = tokio::join!(working, forgetting);
    ended.unwrap();
}

#[tokio::test]
async fn a_person_who_says_no_keeps_the_group() {
    let world = World::new().await;
    world.add("a").await;
    world.handle("printer", 1).await;

    let output = world.at_a_terminal("forget printer", "n\n").await;

    assert_eq!(output.status.code(), Some(1));
    let known = world.bus.stream_status().await.unwrap().groups;
    assert_eq!(known.len(), 1, "{known:?}");
}
