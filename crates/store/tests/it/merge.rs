//! Any order, any batches, any repetition, any number of members: one result.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use events::{ItemEvent, ItemId};
use proptest::{
    collection::vec,
    prelude::*,
    sample::Index,
    test_runner::{Config, TestRunner},
};
use store::{Database, ItemState, ItemStore, Saved};
use time::Duration;
use tokio::sync::Barrier;
use uuid::Uuid;

use crate::{
    fixture::{
        ADDED_AT, Fixture, added, apply, completed, deleted, item_added, list, moved, renamed,
        reopened, restored, runtime,
    },
    model,
};

/// Kind of an event, its item, and its detail.
type Sketch = (u8, u8, u8);

fn event(case: u64, (kind, item, detail): Sketch) -> ItemEvent {
    let name = format!("{case}/{item}");
    let text = format!("text {detail}");
    match kind {
        0 | 1 => {
            let mut added = item_added(&name, &text, detail.into());
            added.list = list(&format!("list {}", detail % 3));
            added.added_at = ADDED_AT + Duration::seconds(detail.into());
            ItemEvent::Added(added)
        }
        2 | 3 => renamed(&name, &text),
        4 | 5 => moved(&name, detail.into()),
        6 | 7 => completed(&name),
        8 => reopened(&name),
        9 => deleted(&name),
        _ => restored(&name),
    }
}

/// Puts the deliveries in an order that depends on `seed` only.
fn shuffle(deliveries: &mut [(u64, ItemEvent)], seed: u64) {
    let seed = Uuid::from_u128(seed.into());
    deliveries
        .sort_by_cached_key(|delivery| Uuid::new_v5(&seed, format!("{delivery:?}").as_bytes()));
}

#[test]
fn any_order_and_batching_gives_what_the_stream_in_order_gives() {
    let strategy = (
        vec((0..11_u8, 0..4_u8, any::<u8>()), 1..40),
        vec(any::<Index>(), 0..20),
        any::<u64>(),
        vec(1..12_usize, 1..6),
    );
    let runtime = runtime();
    let store = runtime.block_on(Fixture::new());
    let cases = AtomicU64::new(0);
    let result = TestRunner::new(Config::with_cases(96)).run(
        &strategy,
        |(sketches, repeated, seed, sizes)| {
            // Each case has items of its own, so that all can share a database.
            let case = cases.fetch_add(1, Ordering::Relaxed);
            let stream: Vec<_> = sketches
                .into_iter()
                .map(|sketch| event(case, sketch))
                .collect();
            let mut deliveries: Vec<_> = (1..).zip(stream.iter().cloned()).collect();
            let again: Vec<_> = repeated
                .iter()
                .map(|index| index.get(&deliveries).clone())
                .collect();
            deliveries.extend(again);
            shuffle(&mut deliveries, seed);

            let last = runtime.block_on(in_batches(&store.items, &deliveries, &sizes));

            prop_assert_eq!(&states(&last), &model::play(&stream));
            // The table has the states that the last calls returned.
            let all: Vec<_> = runtime.block_on(apply(&store.items, &deliveries));
            prop_assert!(all.iter().all(|saved| !saved.changed));
            prop_assert_eq!(states(&all), states(&last));
            for saved in &all {
                let seen = runtime.block_on(store.items.get(saved.id)).unwrap();
                let visible = saved.state.as_ref().is_some_and(|state| !state.deleted);
                prop_assert_eq!(seen.is_some(), visible);
            }
            Ok(())
        },
    );
    runtime.block_on(async { drop(store) });
    result.unwrap();
}

/// Applies the deliveries in batches, and returns the last result about each item.
async fn in_batches(
    items: &ItemStore,
    deliveries: &[(u64, ItemEvent)],
    sizes: &[usize],
) -> Vec<Saved> {
    let mut last = BTreeMap::new();
    let mut rest = deliveries;
    for size in sizes.iter().cycle() {
        let (batch, later) = rest.split_at((*size).min(rest.len()));
        let saved = apply(items, batch).await;
        last.extend(saved.into_iter().map(|saved| (saved.id, saved)));
        rest = later;
        if rest.is_empty() {
            break;
        }
    }
    last.into_values().collect()
}

fn states(saved: &[Saved]) -> BTreeMap<ItemId, Option<ItemState>> {
    saved
        .iter()
        .map(|saved| (saved.id, saved.state.clone()))
        .collect()
}

#[tokio::test]
async fn members_that_share_items_do_not_block_each_other_and_end_right() {
    const MEMBERS: usize = 6;
    let store = Fixture::new().await;
    let stream: Vec<_> = (0..2_000_u32)
        .map(|n| [n * 7 % 11, n * 13 % 199, n % 251].map(|n| u8::try_from(n).unwrap()))
        .map(|[kind, item, detail]| event(0, (kind, item, detail)))
        .collect();
    let in_order: Vec<_> = (1..).zip(stream.iter().cloned()).collect();

    // Each member gets every event, and all write at the same time, so that every batch meets
    // others on the same rows.
    let together = Arc::new(Barrier::new(MEMBERS));
    let members = (0..MEMBERS).map(|member| {
        let mut deliveries = in_order.clone();
        shuffle(&mut deliveries, member as u64);
        let database = Database::connect(&store.database.url(), "member", 1).unwrap();
        let together = Arc::clone(&together);
        tokio::spawn(async move {
            let items = ItemStore::new(database);
            let mut saved = Vec::new();
            for batch in deliveries.chunks(250) {
                together.wait().await;
                saved.extend(apply(&items, batch).await);
            }
            saved
        })
    });
    let mut answers = Vec::new();
    for member in members.collect::<Vec<_>>() {
        answers.extend(member.await.unwrap());
    }

    let end = store.apply(&in_order).await;
    assert_eq!(states(&end), model::play(&stream));
    for item in end {
        let mut versions: Vec<_> = answers
            .iter()
            .filter(|answer| answer.id == item.id && answer.changed)
            .map(|answer| answer.version)
            .collect();
        versions.sort_unstable();
        let counted: Vec<_> = (1..=item.version).collect();
        assert_eq!(versions, counted, "each version is one member's change");
    }
}

#[tokio::test]
async fn two_members_that_add_one_item_at_once_add_it_once() {
    let store = Fixture::new().await;
    for n in 0..20 {
        let name = format!("item {n}");
        let events = [(1, added(&name, "text", 1.0))];
        let (one, other) = tokio::join!(store.apply_one(&events), store.apply_one(&events));
        assert_eq!((one.version, other.version), (1, 1));
        assert!(one.changed != other.changed, "one of them did it");
    }
}
