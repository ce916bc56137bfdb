//! What a group gave up on is looked at, replayed and discarded.

use std::cell::{Cell, RefCell};

use bus::{DeadLetter, Delivery, Failure};
use events::{Origin, TodoEvent};
use futures_util::TryStreamExt;
use testkit::eventually;
use tokio_util::sync::CancellationToken;

use crate::world::{SOON, World, during, never};

/// An event as a handler got it.
#[derive(Clone, Debug, PartialEq)]
struct Got {
    subject: String,
    id: String,
    origin: Origin,
    payload: Vec<u8>,
    correlation: Option<String>,
}

impl Got {
    fn of(event: &Delivery<TodoEvent>) -> Self {
        Self {
            subject: event.subject().to_owned(),
            id: event.meta.id.to_string(),
            origin: event.origin.clone(),
            payload: event.payload().to_owned(),
            correlation: event.meta.correlation_id.clone(),
        }
    }
}

/// A handler that may refuse whatever comes, and remembers it.
#[derive(Default)]
struct Judge {
    refusing: Cell<bool>,
    got: RefCell<Vec<Got>>,
}

impl Judge {
    fn hear(&self, event: &Delivery<TodoEvent>) -> Result<(), Failure> {
        self.got.borrow_mut().push(Got::of(event));
        if self.refusing.get() {
            return Err(never("the drawer is full"));
        }
        Ok(())
    }

    async fn reach(&self, count: usize) {
        eventually(&format!("{count} events came"), SOON, async || {
            let got = self.got.borrow().len();
            if got == count { Ok(()) } else { Err(got) }
        })
        .await;
    }
}

impl World {
    async fn letters(&self, group: Option<&str>) -> Vec<DeadLetter> {
        let desk = self.bus.dead_letters().await.unwrap();
        desk.list(group).try_collect().await.unwrap()
    }

    /// Waits until there are as many dead letters.
    async fn letters_become(&self, count: usize) -> Vec<DeadLetter> {
        let what = format!("there are {count} dead letters");
        eventually(&what, SOON, async || {
            let letters = self.letters(None).await;
            if letters.len() == count {
                Ok(letters)
            } else {
                Err(letters)
            }
        })
        .await
    }
}

#[tokio::test]
async fn a_replayed_event_comes_to_its_group_only_and_reads_as_it_did() {
    let world = World::new().await;
    let (saver, auditor) = (Judge::default(), Judge::default());
    saver.refusing.set(true);
    let stop = CancellationToken::new();
    let join = |name: &str, judge: &'static Judge| {
        let group = world.bus.group(name, events::ALL_SUBJECTS);
        group.each(stop.clone(), async |event: &Delivery<TodoEvent>| {
            judge.hear(event)
        })
    };
    let (saver, auditor): (&'static Judge, &'static Judge) =
        (Box::leak(Box::new(saver)), Box::leak(Box::new(auditor)));
    let members = [join("saver", saver), join("auditor", auditor)];
    during(&stop, members, async {
        world.add("buy milk").await;
        let letters = world.letters_become(1).await;
        auditor.reach(1).await;
        assert_eq!(letters[0].group, "saver");
        assert_eq!(letters[0].reason, "cannot be handled: the drawer is full");
        saver.refusing.set(false);
        let desk = world.bus.dead_letters().await.unwrap();
        desk.replay(&letters[0]).await.unwrap();
        saver.reach(2).await;
        world.letters_become(0).await;
    })
    .await;
    let got = saver.got.borrow();
    assert_eq!(got[0], got[1]);
    assert_eq!(auditor.got.borrow().len(), 1);
}
