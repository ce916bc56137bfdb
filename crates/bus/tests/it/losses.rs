//! A broker that comes back without the last events that it had stored, on a real store.

use std::{cell::RefCell, collections::BTreeSet, fs, path::PathBuf};

use async_nats::{Client, jetstream};
use bus::{Bus, Delivery, Loss, LossWatch};
use events::{EventId, ItemEvent, Position, TodoEvent};
use testkit::{Broker, eventually, install::Version};
use tokio_util::sync::CancellationToken;

use crate::world::{SOON, World, during};

/// Number of events before the loss.
const BEFORE: u64 = 24;

/// The damage to the newest block of the stopped broker's store.
#[derive(Clone, Copy, PartialEq)]
enum Damage {
    /// It ends in the middle.
    Truncated,
    /// It is gone.
    Gone,
}

impl Damage {
    /// Returns the size of each event in bytes, so that the store has several blocks where one of them
    /// shall be gone.
    fn padding(self) -> usize {
        match self {
            Self::Truncated => 10,
            Self::Gone => 900_000,
        }
    }

    async fn happen(self, broker: &mut Broker) {
        broker.stop().await.unwrap();
        let blocks = broker.dir().join("store/jetstream/$G/streams/TODO/msgs");
        let number = |path: &PathBuf| {
            let stem = path.file_stem()?.to_str()?;
            stem.parse::<u64>().ok()
        };
        let files = fs::read_dir(blocks).unwrap();
        let files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
        let newest = files.iter().filter_map(number).max().unwrap();
        for file in files.iter().filter(|file| number(file) == Some(newest)) {
            match self {
                Self::Gone => fs::remove_file(file).unwrap(),
                Self::Truncated if file.extension().is_some_and(|kind| kind == "blk") => {
                    let open = fs::File::options().write(true).open(file).unwrap();
                    let length = open.metadata().unwrap().len();
                    open.set_len(length * 5 / 9).unwrap();
                }
                Self::Truncated => {}
            }
        }
        broker.restart().await.unwrap();
    }
}

/// Events that came to a group: the text, the position and the identity of each.
#[derive(Default)]
struct Came(RefCell<Vec<(String, Position, EventId)>>);

impl Came {
    fn note(&self, event: &Delivery<TodoEvent>) {
        let TodoEvent::Item(ItemEvent::Added(added)) = &event.event else {
            panic!("{event:?}");
        };
        let text = added.item.to_string();
        let place = (text, event.origin.position(), event.meta.id.clone());
        self.0.borrow_mut().push(place);
    }

    /// Waits for each of the texts.
    async fn all(&self, what: &str, count: u64) {
        eventually(&format!("{what} came"), SOON, async || {
            let came = self.0.borrow();
            let missing: Vec<_> = texts(what, count)
                .filter(|text| !came.iter().any(|(came, ..)| came == text))
                .collect();
            if missing.is_empty() {
                Ok(())
            } else {
                Err(missing)
            }
        })
        .await;
    }

    /// Returns the events with this in their text, each once however often it came.
    fn of(&self, what: &str) -> BTreeSet<(Position, String, String)> {
        let came = self.0.borrow();
        let of = came.iter().filter(|(text, ..)| text.starts_with(what));
        of.map(|(text, at, id)| (*at, text.clone(), id.to_string()))
            .collect()
    }
}

fn texts(what: &str, count: u64) -> impl Iterator<Item = String> {
    let what = what.to_owned();
    (1..=count).map(move |number| format!("{what} {number}"))
}

/// Publishes events without ids, as any client may.
async fn publish(raw: &Client, what: &str, count: u64, padding: usize) {
    let jetstream = jetstream::new(raw.clone());
    for text in texts(what, count) {
        let pad = "x".repeat(padding);
        let body = format!(r#"{{"item":"{text}","pad":"{pad}"}}"#);
        eventually(&format!("{text} is stored"), SOON, async || {
            let stored = jetstream.publish("events.todo.newitem", body.clone().into());
            stored.await?.await.map(drop)
        })
        .await;
    }
}

/// Checks for a loss, and returns it if one was repaired.
async fn mended(bus: &Bus, watch: &mut LossWatch) -> Option<Loss> {
    bus.wait_connected().await;
    let mut losses = bus.mend_losses(watch).await.unwrap();
    assert!(losses.len() < 2, "{losses:?}");
    losses.pop()
}

async fn a_loss_is_mended(damage: Damage, after: u64) {
    let World {
        mut broker,
        bus,
        raw,
    } = World::new().await;
    let (came, stop, mut watch) = (
        Came::default(),
        CancellationToken::new(),
        LossWatch::default(),
    );
    let group = |bus: &Bus, stop: &CancellationToken| {
        let group = bus.group("mail", "events.todo.newitem");
        let (came, stop) = (&came, stop.clone());
        async move {
            let handle = async |event: &Delivery<TodoEvent>| {
                came.note(event);
                Ok(())
            };
            group.each(stop, handle).await
        }
    };
    let other = Bus::connect(&broker.url(), "tester", "tester-2").await;
    let other = other.unwrap();
    let members = [group(&bus, &stop), group(&other, &stop)];
    during(&stop, members, async {
        publish(&raw, "before", BEFORE, damage.padding()).await;
        came.all("before", BEFORE).await;
        assert_eq!(bus.mend_losses(&mut watch).await.unwrap(), []);

        damage.happen(&mut broker).await;
        publish(&raw, "after", after, 10).await;
        let loss = mended(&bus, &mut watch).await;
        // Newer brokers may know the last sequence all the same.
        let keeps_count = broker.version() >= Version(2, 10);
        assert!(loss.is_some() || keeps_count);
        if let Some(loss) = loss {
            assert!(loss.highest >= BEFORE, "{loss:?}");
            assert!((2..=BEFORE).contains(&loss.from), "{loss:?}");
            assert_eq!(loss.stream, "TODO");
            assert!(loss.again <= loss.from, "{loss:?}");
            assert_eq!(loss.groups, ["mail"]);
        }
        came.all("after", after).await;
        publish(&raw, "later", 40, 10).await;
        came.all("later", 40).await;
        assert_eq!(bus.mend_losses(&mut watch).await.unwrap(), []);
    })
    .await;
    let (before, after) = (came.of("before"), came.of("after"));
    assert_eq!(before.len() as u64, BEFORE, "nothing old is new");
    assert!(before.last() < after.first(), "{before:?} {after:?}");
    assert!(after.last() < came.of("later").first());
    let ids = |of: &BTreeSet<(Position, String, String)>| -> BTreeSet<String> {
        of.iter().map(|(.., id)| id.clone()).collect()
    };
    assert!(
        ids(&before).is_disjoint(&ids(&after)),
        "{before:?} {after:?}"
    );

    // A member that joins later gets the events that are stored from now on.
    let stop = CancellationToken::new();
    during(&stop, [group(&bus, &stop)], async {
        publish(&raw, "last", 1, 10).await;
        came.all("last", 1).await;
    })
    .await;
}

#[tokio::test]
async fn what_is_stored_after_a_block_was_truncated_comes_to_every_group_as_new() {
    a_loss_is_mended(Damage::Truncated, 5).await;
}

#[tokio::test]
async fn what_is_stored_after_a_block_was_lost_comes_to_every_group_as_new() {
    a_loss_is_mended(Damage::Gone, 2).await;
}

#[tokio::test]
async fn a_loss_is_mended_also_where_more_was_stored_since_than_was_lost() {
    a_loss_is_mended(Damage::Truncated, 40).await;
    a_loss_is_mended(Damage::Gone, 40).await;
}

#[tokio::test]
async fn whoever_looks_for_the_first_time_after_a_loss_mends_it_too() {
    let World {
        mut broker,
        bus,
        raw,
    } = World::new().await;
    if broker.version() >= Version(2, 10) {
        // Newer brokers leave no trace of it.
        return;
    }
    let (came, stop) = (Came::default(), CancellationToken::new());
    let group = bus.group("mail", "events.todo.newitem");
    let handle = async |event: &Delivery<TodoEvent>| {
        came.note(event);
        Ok(())
    };
    during(&stop, [group.each(stop.clone(), handle)], async {
        publish(&raw, "before", BEFORE, 10).await;
        came.all("before", BEFORE).await;
        Damage::Truncated.happen(&mut broker).await;
        publish(&raw, "after", 2, 10).await;
        let loss = mended(&bus, &mut LossWatch::default()).await.unwrap();
        assert_eq!((loss.highest, loss.again), (BEFORE, 1));
        publish(&raw, "later", 2, 10).await;
        came.all("after", 2).await;
        came.all("later", 2).await;
    })
    .await;
    assert_eq!(came.of("before").len() as u64, BEFORE, "nothing old is new");
    assert!(came.of("before").last() < came.of("later").first());
}
