//! Names and counts of the lists.

use events::ItemEvent;
use store::{Counts, ListCounts};
use testkit::eventually;

use crate::fixture::{Fixture, SOON, completed, deleted, item_added, list, order};

fn in_list(name: &str, number: u64) -> (u64, ItemEvent) {
    let mut item = item_added(&format!("{name} {number}"), "text", 1.0);
    item.list = list(name);
    item.order = order(f64::from(u32::try_from(number).unwrap()));
    (number, ItemEvent::Added(item))
}

fn counted(name: &str, total: i64, completed: i64) -> ListCounts {
    ListCounts {
        name: list(name),
        counts: Some(Counts { total, completed }),
    }
}

#[tokio::test]
async fn the_lists_are_those_that_have_items_which_can_be_seen() {
    let store = Fixture::new().await;
    assert_eq!(store.items.lists(None, 10).await.unwrap().lists, []);
    store
        .apply(&[
            in_list("shopping", 1),
            in_list("shopping", 2),
            in_list("가족", 3),
            in_list("gone", 4),
            in_list("Films", 5),
            (6, completed("shopping 2")),
            (7, deleted("gone 4")),
            (8, completed("never added")),
        ])
        .await;
    let found = store.items.lists(None, 10).await.unwrap();
    let expected = [
        counted("Films", 1, 0),
        counted("shopping", 2, 1),
        counted("가족", 1, 0),
    ];
    assert_eq!(found.lists, expected);
    assert_eq!(found.next, None);
}

#[tokio::test]
async fn the_lists_come_page_by_page() {
    let store = Fixture::new().await;
    let events: Vec<_> = (1..=7)
        .map(|number| in_list(&format!("list {number}"), number))
        .collect();
    store.apply(&events).await;
    let (mut names, mut sizes, mut after) = (Vec::new(), Vec::new(), None);
    loop {
        let page = store.items.lists(after.as_ref(), 3).await.unwrap();
        sizes.push(page.lists.len());
        names.extend(page.lists.into_iter().map(|list| list.name.to_string()));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(sizes, [3, 3, 1]);
    let expected: Vec<_> = (1..=7).map(|number| format!("list {number}")).collect();
    assert_eq!(names, expected);
}

#[tokio::test]
async fn of_a_list_too_long_to_be_counted_no_number_is_told() {
    let store = Fixture::new().await;
    let events: Vec<_> = (1..=1_000).map(|number| in_list("long", number)).collect();
    store.apply(&events).await;
    let found = store.items.lists(None, 1).await.unwrap();
    assert_eq!(found.lists, [counted("long", 1_000, 0)]);
    store.apply(&[in_list("long", 1_001)]).await;
    let found = store.items.lists(None, 1).await.unwrap();
    assert_eq!(found.lists[0].counts, None);
}

#[tokio::test]
async fn finding_a_list_takes_as_long_however_many_items_the_others_have() {
    let store = Fixture::new().await;
    let rows = "insert into items (item_id, created_position, list, added_at, item, \"order\",
            completed, deleted, version, changed)
        select gen_random_uuid(), n, 'list ' || n % 3, now(), 'text', n, false, false, 1, true
        from generate_series(1, 60000) as n";
    store.database.execute(rows).await.unwrap();
    store.database.execute("analyze items").await.unwrap();
    let before = store.database.execute("select pg_stat_reset()").await;
    before.unwrap();
    let found = store.items.lists(None, 10).await.unwrap();
    assert_eq!(found.lists.len(), 3);
    // What was read is counted when the connections that read it are closed.
    store.handle.close().await;
    let read = "select idx_tup_fetch > 0, seq_tup_read + idx_tup_fetch < 10000
        from pg_stat_user_tables where relname = 'items'";
    eventually("few of the items were read", SOON, async || {
        store.database.execute(read).await.unwrap() == "t|t"
    })
    .await;
}
