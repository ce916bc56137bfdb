//! Lists, page by page.

use events::{ItemEvent, ListName};
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, TestRunner},
};
use store::{Counts, Cursor, Item, ItemStore};

use crate::fixture::{Fixture, added, completed, deleted, id, item_added, list, moved, runtime};

async fn pages(items: &ItemStore, list: &ListName, limit: u32) -> Vec<Vec<Item>> {
    let mut pages = Vec::new();
    let mut after = None;
    // No list here is longer.
    while pages.len() < 100 {
        let page = items.list(list, after, limit).await.unwrap();
        pages.push(page.items);
        match page.next {
            // As a caller gets it back: as a text.
            Some(next) => after = Some(next.to_string().parse().unwrap()),
            None => return pages,
        }
    }
    panic!("the pages have no end");
}

fn in_list(name: &str, number: u32, place: f64) -> (u64, ItemEvent) {
    let mut item = item_added(&format!("{name} {number}"), &number.to_string(), place);
    item.list = list(name);
    (u64::from(number) + 1, ItemEvent::Added(item))
}

#[tokio::test]
async fn the_newest_item_is_last() {
    let store = Fixture::new().await;
    store
        .apply(&[
            (2, added("b", "second", 2.0)),
            (1, added("a", "first", 1.0)),
            (3, added("c", "third", 3.0)),
        ])
        .await;
    let page = store
        .items
        .list(&ListName::default(), None, 10)
        .await
        .unwrap();
    let texts: Vec<_> = page.items.iter().map(|item| item.item.as_str()).collect();
    assert_eq!(texts, ["first", "second", "third"]);
    assert_eq!(page.next, None);
}

#[test]
fn pages_neither_skip_nor_repeat() {
    // Few places, so that many items share one.
    let strategy = (vec(-3..3_i8, 0..30), 1..9_u32);
    let runtime = runtime();
    let store = runtime.block_on(Fixture::new());
    let mut runner = TestRunner::new(Config::with_cases(48));
    let case = std::cell::Cell::new(0);
    let result = runner.run(&strategy, |(places, limit)| {
        case.set(case.get() + 1);
        let name = format!("list {}", case.get());
        let events: Vec<_> = places
            .iter()
            .zip(0..)
            .map(|(place, number)| in_list(&name, number, (*place).into()))
            .collect();
        let pages = runtime.block_on(async {
            store.apply(&events).await;
            pages(&store.items, &list(&name), limit).await
        });

        let (last, full) = pages.split_last().unwrap();
        prop_assert!(full.iter().all(|page| page.len() == limit as usize));
        prop_assert!(last.len() <= limit as usize && last.is_empty() == places.is_empty());
        let all: Vec<_> = pages.concat();
        let key = |item: &Item| (item.order.get(), item.id);
        prop_assert!(all.is_sorted_by(|one, next| key(one) < key(next)));
        prop_assert_eq!(all.len(), places.len());
        Ok(())
    });
    runtime.block_on(async { drop(store) });
    result.unwrap();
}

#[tokio::test]
async fn items_that_come_and_go_between_two_pages_disturb_no_other() {
    let store = Fixture::new().await;
    let events: Vec<_> = (0..6)
        .map(|number| in_list("work", number, number.into()))
        .collect();
    store.apply(&events).await;
    let first = store.items.list(&list("work"), None, 3).await.unwrap();

    // The item that the page ended with is deleted, and another one is put before it.
    store
        .apply(&[(10, deleted("work 2")), (11, moved("work 5", 0.5))])
        .await;
    let second = store
        .items
        .list(&list("work"), first.next, 3)
        .await
        .unwrap();

    let texts: Vec<_> = second.items.iter().map(|item| item.item.as_str()).collect();
    assert_eq!(texts, ["3", "4"]);
}

#[tokio::test]
async fn a_list_shows_its_own_items_and_none_that_is_hidden_or_deleted() {
    let store = Fixture::new().await;
    store
        .apply(&[
            in_list("work", 0, 1.0),
            in_list("work", 1, 2.0),
            in_list("home", 2, 3.0),
            (10, deleted("work 0")),
            (11, completed("never added")),
        ])
        .await;
    let page = store.items.list(&list("work"), None, 10).await.unwrap();
    let ids: Vec<_> = page.items.iter().map(|item| item.id).collect();
    assert_eq!(ids, [id("work 1")]);
    let nowhere = store.items.list(&list("nowhere"), None, 10).await.unwrap();
    assert_eq!((nowhere.items, nowhere.next), (Vec::new(), None));
}

#[tokio::test]
async fn a_page_of_none_is_a_page_of_one() {
    let store = Fixture::new().await;
    store
        .apply(&[in_list("work", 0, 1.0), in_list("work", 1, 2.0)])
        .await;
    let page = store.items.list(&list("work"), None, 0).await.unwrap();
    assert_eq!(page.items.len(), 1);
    let largest = store
        .items
        .list(&list("work"), None, u32::MAX)
        .await
        .unwrap();
    assert_eq!((largest.items.len(), largest.next), (2, None));
}

#[tokio::test]
async fn a_cursor_from_anywhere_is_only_a_place() {
    let store = Fixture::new().await;
    store
        .apply(&[in_list("work", 0, 1.0), in_list("work", 1, 2.0)])
        .await;
    let foreign: Cursor = Cursor::after(&store.items.get(id("work 0")).await.unwrap().unwrap());
    let page = store
        .items
        .list(&list("home"), Some(foreign), 10)
        .await
        .unwrap();
    assert_eq!(page.items, []);
}

#[tokio::test]
async fn the_newest_items_are_the_end_of_the_list() {
    let store = Fixture::new().await;
    let events: Vec<_> = (0..5)
        .map(|number| in_list("work", number, number.into()))
        .collect();
    store.apply(&events).await;
    store
        .apply(&[(10, completed("work 1")), (11, completed("work 3"))])
        .await;
    for (chosen, expected) in [
        (None, ["3", "4"]),
        (Some(false), ["2", "4"]),
        (Some(true), ["1", "3"]),
    ] {
        let newest = store.items.newest(&list("work"), chosen, 2).await.unwrap();
        let texts: Vec<_> = newest.iter().map(|item| item.item.as_str()).collect();
        assert_eq!(texts, expected);
    }
}

#[tokio::test]
async fn counts_are_of_what_can_be_seen() {
    let store = Fixture::new().await;
    let counts = async |name| store.items.count(&list(name)).await.unwrap();
    assert_eq!(
        counts("work").await,
        Counts {
            total: 0,
            completed: 0
        }
    );
    store
        .apply(&[
            in_list("work", 0, 1.0),
            in_list("work", 1, 2.0),
            in_list("work", 2, 3.0),
            (10, completed("work 0")),
            (11, completed("work 1")),
            (12, deleted("work 1")),
            (13, completed("never added")),
        ])
        .await;
    assert_eq!(
        counts("work").await,
        Counts {
            total: 2,
            completed: 1
        }
    );
    assert_eq!(
        counts("home").await,
        Counts {
            total: 0,
            completed: 0
        }
    );
}
